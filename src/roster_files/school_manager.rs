//! Apple School Manager's roster: up to six CSV files that refer to each other, joined into users and groups.
//!
//! Layout: students, staff, courses, classes, rosters, locations, as in Apple's templates (Apple
//! School Manager User Guide, "Template information for importing data").

use std::collections::{BTreeMap, HashMap, HashSet};

use super::FileError;
use super::kinds::{Col, Kind};
use super::row::{self, Row, shortened};
use super::take::{Taken, Taker, key, shown};
use crate::domain::mail_address::MailAddress;
use crate::domain::roster_change::{Cell, IncomingGroup, IncomingUser, Membership, Place, RowKind};

/// What the files have said so far; nothing is joined before the last one has been read.
#[derive(Default)]
pub(super) struct School {
    people: Vec<Person>,
    /// By `person_id`.
    person: HashMap<String, usize>,
    courses: HashMap<String, Course>,
    classes: Vec<Class>,
    class: HashMap<String, usize>,
    seats: Vec<Seat>,
    locations: HashMap<String, String>,
    /// Which of the six files have had rows.
    given: HashSet<Kind>,
}

struct Person {
    place: Place,
    id: String,
    name_parts: Vec<String>,
    mail: Option<String>,
    mail_given: bool,
    sis_username: Option<String>,
    student: bool,
    grade: Option<String>,
    grade_given: bool,
    location: Option<String>,
}

struct Course {
    name: Option<String>,
}

struct Class {
    place: Place,
    id: String,
    number: Option<String>,
    course: String,
    instructors: Vec<String>,
}

/// One student in one class.
struct Seat {
    place: Place,
    class: String,
    student: String,
}

fn id<'a>(row: &Row<'a>, col: Col, name: &str) -> Result<&'a str, (String, String)> {
    key(row, col, name, row::identifier)
}

impl School {
    /// Notes one row of one of the six files.
    pub(super) fn row(&mut self, kind: Kind, row: &Row<'_>) -> Taken {
        self.given.insert(kind);
        match kind {
            Kind::Students | Kind::Staff => self.person(kind == Kind::Students, row),
            Kind::Courses => {
                let id = id(row, Col::CourseId, "course_id")?;
                let name =
                    row.filled(Col::CourseName).or(row.filled(Col::CourseNumber)).map(|name| readable(name, id)).transpose()?;
                self.courses.insert(id.to_owned(), Course { name });
                Ok(())
            }
            Kind::Classes => self.class(row),
            Kind::Rosters => {
                let class = id(row, Col::ClassId, "class_id")?.to_owned();
                let student = id(row, Col::StudentId, "student_id")?.to_owned();
                self.seats.push(Seat { place: row.place.clone(), class, student });
                Ok(())
            }
            _ => {
                let id = id(row, Col::LocationId, "location_id")?;
                let name = row.filled(Col::LocationName).map_or_else(|| Ok(id.to_owned()), |name| readable(name, id))?;
                self.locations.insert(id.to_owned(), name);
                Ok(())
            }
        }
    }

    fn person(&mut self, student: bool, row: &Row<'_>) -> Taken {
        let id = id(row, Col::PersonId, "person_id")?;
        if let Some(first) = self.person.get(id).and_then(|at| self.people.get(*at)) {
            return Err((id.to_owned(), format!("this person_id stands in {} already", shown(&first.place))));
        }
        let mut name_parts = Vec::new();
        for col in [Col::FirstName, Col::MiddleName, Col::LastName] {
            if let Some(part) = row.filled(col) {
                name_parts.push(readable(part, id)?);
            }
        }
        let text = |col| row.filled(col).map(|text| readable(text, id)).transpose();
        let person = Person {
            place: row.place.clone(),
            id: id.to_owned(),
            name_parts,
            mail: row.filled(Col::Mail).map(str::to_owned),
            mail_given: row.get(Col::Mail).is_some(),
            sis_username: row
                .filled(Col::SisUsername)
                .map(|name| row::identifier(name).map(str::to_owned))
                .transpose()
                .map_err(|why| (id.to_owned(), format!("the sis_username can't be used: {why}")))?,
            student,
            grade: text(Col::Grade)?,
            grade_given: row.get(Col::Grade).is_some(),
            location: text(Col::LocationId)?,
        };
        self.person.insert(person.id.clone(), self.people.len());
        self.people.push(person);
        Ok(())
    }

    fn class(&mut self, row: &Row<'_>) -> Taken {
        let id = id(row, Col::ClassId, "class_id")?;
        if let Some(first) = self.class.get(id).and_then(|at| self.classes.get(*at)) {
            return Err((id.to_owned(), format!("this class_id stands in {} already", shown(&first.place))));
        }
        let course = key(row, Col::CourseId, "course_id", row::identifier).map_err(|(_, why)| (id.to_owned(), why))?;
        let instructors = [Col::Instructor1, Col::Instructor2, Col::Instructor3];
        let class = Class {
            place: row.place.clone(),
            id: id.to_owned(),
            number: row.filled(Col::ClassNumber).map(|number| readable(number, id)).transpose()?,
            course: course.to_owned(),
            instructors: instructors.iter().filter_map(|col| row.filled(*col)).map(str::to_owned).collect(),
        };
        self.class.insert(class.id.clone(), self.classes.len());
        self.classes.push(class);
        Ok(())
    }

    /// Joins the files and hands users, groups and memberships to `taker`.
    ///
    /// # Errors
    /// Rosters were given without the files that say whom and what they mean.
    pub(super) fn finish(self, taker: &mut Taker) -> Result<(), FileError> {
        let has = |kind| self.given.contains(&kind);
        if let Some(class) = self.classes.first().filter(|_| !has(Kind::Students) && !has(Kind::Staff)) {
            return Err(FileError::needs_files(&class.place.file, "students.csv and staff.csv"));
        }
        if let Some(seat) = self.seats.first() {
            if !has(Kind::Students) {
                return Err(FileError::needs_files(&seat.place.file, "students.csv"));
            }
            if !has(Kind::Classes) {
                return Err(FileError::needs_files(&seat.place.file, "classes.csv"));
            }
        }
        let mut usernames: Vec<Option<String>> = self.usernames().into_iter().map(Some).collect();
        let covered = taker.out.covers.clone();
        let mut groups = Groups::default();
        for (person, username) in self.people.iter().zip(&mut usernames) {
            // Whoever is not taken must not lend their username to somebody's membership.
            if username.as_ref().is_some_and(|name| !self.take_person(person, name, &mut groups, taker)) {
                *username = None;
            }
        }
        self.take_classes(&usernames, &mut groups, taker);
        groups.hand_over(taker);
        self.cover(covered, taker);
        Ok(())
    }

    /// Everybody's username: what the school's own system says; else the mail address's first part
    /// where nobody else would have it; else the `person_id`.
    fn usernames(&self) -> Vec<String> {
        let mut claims: HashMap<String, u32> = HashMap::new();
        let local = |person: &Person| -> Option<String> {
            let mail = MailAddress::parse(person.mail.as_deref()?).ok()?;
            mail.as_str().rsplit_once('@').map(|(local, _)| local.to_lowercase())
        };
        for person in &self.people {
            let claim = person.sis_username.as_deref().map(str::to_lowercase).or_else(|| local(person));
            if let Some(claim) = claim {
                *claims.entry(claim).or_default() += 1;
            }
            // A person_id is somebody's last resort, so nobody else may be called that.
            if person.sis_username.is_none() {
                *claims.entry(person.id.to_lowercase()).or_default() += 1;
            }
        }
        let name = |person: &Person| match (&person.sis_username, local(person)) {
            (Some(name), _) => name.clone(),
            (None, Some(local)) => {
                let own = u32::from(local == person.id.to_lowercase());
                if claims.get(&local).copied().unwrap_or_default() <= 1 + own { local } else { person.id.clone() }
            }
            (None, None) => person.id.clone(),
        };
        self.people.iter().map(name).collect()
    }

    fn take_person(&self, person: &Person, username: &str, groups: &mut Groups, taker: &mut Taker) -> bool {
        let mut attributes = BTreeMap::from([("person_id".to_owned(), person.id.clone())]);
        if person.grade_given {
            attributes.insert("grade_level".to_owned(), person.grade.clone().unwrap_or_default());
        }
        if let Some(location) = &person.location {
            let name = self.locations.get(location).unwrap_or(location);
            attributes.insert("location".to_owned(), name.clone());
        }
        let mail: Cell<MailAddress> = match (&person.mail, person.mail_given) {
            (None, given) => given.then_some(None),
            (Some(text), _) => match MailAddress::parse(text) {
                Ok(address) => Some(Some(address)),
                Err(why) => {
                    let reason = format!("email_address was left out: \"{}\" is no mail address, because {why}", shortened(text));
                    taker.reject(&person.place, username, reason);
                    None
                }
            },
        };
        let user = IncomingUser {
            place: person.place.clone(),
            username: username.to_owned(),
            full_name: (!person.name_parts.is_empty()).then(|| person.name_parts.join(" ")),
            mail,
            attributes,
            ..IncomingUser::default()
        };
        if let Err((about, reason)) = taker.add_user(user) {
            taker.reject(&person.place, &about, reason);
            return false;
        }
        groups.add(if person.student { "Students" } else { "Staff" }, &person.place, username);
        if let Some(grade) = &person.grade {
            groups.add(&grade_group(grade), &person.place, username);
        }
        true
    }

    fn take_classes(&self, usernames: &[Option<String>], groups: &mut Groups, taker: &mut Taker) {
        let mut uses: HashMap<String, u32> = HashMap::new();
        for class in &self.classes {
            *uses.entry(self.class_name(class, false)).or_default() += 1;
        }
        let username = |person: &str| self.person.get(person).and_then(|at| usernames.get(*at)).and_then(Option::as_deref);
        let mut names: HashMap<&str, String> = HashMap::new();
        for class in &self.classes {
            let name = self.class_name(class, false);
            // Two schools of one organisation may both have a class 5A.
            let name = if uses.get(&name).is_some_and(|n| *n > 1) { self.class_name(class, true) } else { name };
            groups.touch(&name, &class.place);
            for instructor in &class.instructors {
                match username(instructor) {
                    Some(username) => groups.add(&name, &class.place, username),
                    // Without the staff's file nobody can be known; said once, at the end.
                    None if !self.given.contains(&Kind::Staff) => {}
                    None => {
                        let reason = format!("there is no instructor {}", shortened(instructor));
                        taker.reject(&class.place, &class.id, reason);
                    }
                }
            }
            names.insert(&class.id, name);
        }
        for seat in &self.seats {
            match (names.get(seat.class.as_str()), username(&seat.student)) {
                (Some(name), Some(username)) => groups.add(name, &seat.place, username),
                (None, _) => taker.reject(&seat.place, &seat.student, format!("there is no class {}", shortened(&seat.class))),
                (_, None) => {
                    taker.reject(&seat.place, &seat.student, format!("there is no student {}", shortened(&seat.student)))
                }
            }
        }
    }

    fn class_name(&self, class: &Class, by_id: bool) -> String {
        let course = self.courses.get(&class.course).and_then(|course| course.name.as_deref()).unwrap_or(&class.course);
        let number = if by_id { &class.id } else { class.number.as_ref().unwrap_or(&class.id) };
        format!("{course} ({number})")
    }

    /// What can be gone: somebody who is in none of the files is, unless one of them was not given.
    fn cover(&self, covered: Vec<RowKind>, taker: &mut Taker) {
        const FILES: [(Kind, &str); 4] =
            [(Kind::Students, "students"), (Kind::Staff, "staff"), (Kind::Classes, "classes"), (Kind::Rosters, "rosters")];
        if self.given.is_empty() {
            return;
        }
        let missing: Vec<&str> = FILES.iter().filter(|(kind, _)| !self.given.contains(kind)).map(|(_, name)| *name).collect();
        taker.out.covers = covered;
        if !missing.iter().any(|name| matches!(*name, "students" | "staff")) {
            taker.covers(RowKind::User);
        }
        if missing.is_empty() {
            taker.covers(RowKind::Group);
            taker.covers(RowKind::Membership);
        } else {
            let missing = missing.join(", ");
            taker.warn(format!(
                "of Apple School Manager's files there is no row of {missing}: nothing that stands there is taken for gone"
            ));
        }
    }
}

/// Groups and their members, each once.
#[derive(Default)]
struct Groups {
    groups: Vec<(String, Place)>,
    known: HashSet<String>,
    members: Vec<Membership>,
    seen: HashSet<(String, String)>,
}

impl Groups {
    fn touch(&mut self, group: &str, place: &Place) {
        if self.known.insert(group.to_owned()) {
            self.groups.push((group.to_owned(), place.clone()));
        }
    }

    fn add(&mut self, group: &str, place: &Place, username: &str) {
        self.touch(group, place);
        if self.seen.insert((group.to_owned(), username.to_owned())) {
            self.members.push(Membership { place: place.clone(), group: group.to_owned(), username: username.to_owned() });
        }
    }

    fn hand_over(self, taker: &mut Taker) {
        taker.out.groups.extend(self.groups.into_iter().map(|(name, place)| IncomingGroup { place, name, distribution: None }));
        taker.out.memberships.extend(self.members);
    }
}

fn readable(text: &str, about: &str) -> Result<String, (String, String)> {
    row::words(text).map(std::borrow::Cow::into_owned).map_err(|why| (about.to_owned(), why))
}

/// `5`, `05` and `grade 5` are one group.
fn grade_group(grade: &str) -> String {
    let bare = match grade.get(..5) {
        Some(word) if word.eq_ignore_ascii_case("grade") => grade.get(5..).unwrap_or_default().trim(),
        _ => grade,
    };
    let digits = bare.trim_start_matches('0');
    let bare = if bare.chars().all(|c| c.is_ascii_digit()) && !digits.is_empty() { digits } else { bare };
    format!("Grade {bare}")
}
