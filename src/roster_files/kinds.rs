//! The kinds of row, their columns and the names that columns go by: a table to be read as one.

macro_rules! cols {
    ($($variant:ident)*) => {
        /// What a column means. One set for all kinds, so that a row is one small array.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Col { $($variant,)* }

        impl Col {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];
            pub(super) const COUNT: usize = Self::ALL.len();
        }
    };
}

cols! {
    Username FullName FirstName MiddleName LastName Mail Language Timezone Department Title Enabled Disabled ManagedAccount Groups
    Group Distribution Within
    Serial Udid DeviceName Platform OsVersion Model AssignedUser Managed Enrollment UserChannel LastSeen
    AdamId AppName AppKind Topic Token
    PersonId SisUsername Grade Policy LocationId LocationName
    ClassId ClassNumber CourseId CourseNumber CourseName Instructor1 Instructor2 Instructor3 RosterId StudentId
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Users,
    Groups,
    Memberships,
    Nested,
    Devices,
    Apps,
    AppTokens,
    Students,
    Staff,
    Courses,
    Classes,
    Rosters,
    Locations,
}

/// One column of a kind.
pub(super) struct Column {
    pub(super) col: Col,
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// Other names, folded (lower case, letters and digits only), the likeliest first.
    pub(super) also: &'static [&'static str],
    pub(super) help: &'static str,
}

/// One kind of row.
pub(super) struct KindInfo {
    pub(super) kind: Kind,
    /// What people and JSON call it.
    pub(super) title: &'static str,
    /// How the folded name of a file of this kind begins, beside the title.
    pub(super) file: &'static [&'static str],
    pub(super) columns: &'static [Column],
}

const fn must(col: Col, name: &'static str, also: &'static [&'static str], help: &'static str) -> Column {
    Column { col, name, required: true, also, help }
}

const fn may(col: Col, name: &'static str, also: &'static [&'static str], help: &'static str) -> Column {
    Column { col, name, required: false, also, help }
}

/// Names of a group's column that many other files have too: they only count when the file's name
/// or another column says that these are groups.
pub(super) const GROUP_NAMES_OF_ANYTHING: [&str; 4] = ["name", "naam", "nom", "bezeichnung"];

pub(super) const USERNAMES: &[&str] = &[
    "user",
    "login",
    "loginname",
    "userid",
    "uid",
    "shortname",
    "accountname",
    "samaccountname",
    "userprincipalname",
    "upn",
    "benutzername",
    "benutzer",
    "anmeldename",
    "gebruikersnaam",
    "gebruiker",
    "nomdutilisateur",
    "utilisateur",
    "identifiant",
];
pub(super) const SERIALS: &[&str] = &[
    "serialnumber",
    "serialno",
    "deviceserialnumber",
    "deviceserial",
    "seriennummer",
    "serienummer",
    "numerodeserie",
    "numérodesérie",
];
const GROUPS: &[&str] = &["groupname", "gruppe", "gruppenname", "groep", "groepsnaam", "groupe", "nomdugroupe"];
const MAILS: &[&str] = &[
    "email",
    "emailaddress",
    "mailaddress",
    "primaryemail",
    "workemail",
    "emailadresse",
    "mailadresse",
    "emailadres",
    "mailadres",
    "courriel",
    "adresseemail",
    "adressemail",
    "adresseelectronique",
    "adresseélectronique",
];
const FIRSTS: &[&str] = &["givenname", "forename", "vorname", "voornaam", "prenom", "prénom"];
const LASTS: &[&str] = &["surname", "familyname", "nachname", "familienname", "achternaam", "nomdefamille", "nom"];

#[rustfmt::skip]
pub(super) const KINDS: &[KindInfo] = &[
    KindInfo { kind: Kind::Users, title: "users", file: &["user", "people", "benutzer", "gebruiker", "utilisateur"], columns: &[
        must(Col::Username, "username", USERNAMES, "what the user logs in with; one row a user"),
        may(Col::FullName, "full_name", &["name", "displayname", "commonname", "anzeigename", "vollstandigername", "vollständigername", "naam", "volledigenaam", "weergavenaam", "nomcomplet"], "as people say it; or first_name, middle_name, last_name"),
        may(Col::FirstName, "first_name", FIRSTS, "used where there is no full_name"),
        may(Col::MiddleName, "middle_name", &["tussenvoegsel", "middle", "zweitername", "deuxiemeprenom"], "used where there is no full_name"),
        may(Col::LastName, "last_name", LASTS, "used where there is no full_name"),
        may(Col::Mail, "mail", MAILS, "one mail address"),
        may(Col::Language, "language", &["lang", "locale", "preferredlanguage", "sprache", "taal", "langue"], "a tag (nl, de-CH), or English, Dutch, German, French"),
        may(Col::Timezone, "timezone", &["tz", "zeitzone", "tijdzone", "fuseauhoraire"], "an IANA zone such as Europe/Amsterdam"),
        may(Col::Department, "department", &["dept", "abteilung", "afdeling", "departement", "département"], "any text"),
        may(Col::Title, "title", &["jobtitle", "position", "titel", "funktion", "functie", "fonction", "titre"], "any text"),
        may(Col::Enabled, "enabled", &["active", "accountenabled", "aktiv", "aktiviert", "actief", "ingeschakeld", "actif"], "yes or no; who is not enabled is never invited"),
        may(Col::Disabled, "disabled", &["inactive", "accountdisabled", "suspended", "deaktiviert", "gesperrt", "uitgeschakeld", "desactive", "désactivé"], "the opposite of enabled"),
        may(Col::ManagedAccount, "managed_account", &["managedappleaccount", "managedappleid"], "the Managed Apple Account; its owner needs no invitation"),
        may(Col::Groups, "groups", &["group", "memberof", "memberships", "gruppen", "gruppe", "groepen", "groep", "groupes", "groupe", "class", "classes", "klasse", "klas", "classe"], "names of groups, separated by ; or |"),
    ] },
    KindInfo { kind: Kind::Groups, title: "groups", file: &["group", "gruppe", "groep", "groupe"], columns: &[
        must(Col::Group, "group", &["groupname", "gruppe", "gruppenname", "groep", "groepsnaam", "groupe", "nomdugroupe", "name", "naam", "nom", "bezeichnung"], "the group's name"),
        may(Col::Distribution, "distribution", &["manageddistribution", "distributionenabled"], "yes or no: managed distribution; its members may be invited"),
    ] },
    KindInfo { kind: Kind::Memberships, title: "memberships", file: &["member", "mitglied", "lid", "leden", "membre"], columns: &[
        must(Col::Group, "group", GROUPS, "the group's name"),
        must(Col::Username, "username", &["member", "user", "login", "userid", "uid", "shortname", "memberusername", "accountname", "samaccountname", "userprincipalname", "benutzername", "benutzer", "mitglied", "gebruikersnaam", "gebruiker", "lid", "nomdutilisateur", "utilisateur", "identifiant", "membre"], "one member a row"),
    ] },
    KindInfo { kind: Kind::Nested, title: "nested", file: &["nesting", "subgroup"], columns: &[
        must(Col::Group, "group", &["groupname", "childgroup", "child", "subgroup", "gruppe", "groep", "groupe"], "the group that is inside"),
        must(Col::Within, "within", &["parent", "parentgroup", "memberof", "ingroup", "ubergruppe", "übergeordnetegruppe", "bovenliggendegroep", "groupeparent"], "the group that it is in"),
    ] },
    KindInfo { kind: Kind::Devices, title: "devices", file: &["device", "gerät", "geraet", "apparaten", "toestel", "appareil", "inventory"], columns: &[
        must(Col::Serial, "serial", SERIALS, "the serial number; one row a device"),
        may(Col::Udid, "udid", &["deviceudid", "uniquedeviceid"], "as the MDM server knows the device"),
        may(Col::DeviceName, "name", &["devicename", "hostname", "computername", "geratename", "gerätename", "apparaatnaam", "naam", "nomdelappareil", "nom"], "what people call the device"),
        may(Col::Platform, "platform", &["os", "operatingsystem", "devicetype", "devicefamily", "type", "plattform", "betriebssystem", "besturingssysteem", "plateforme", "systeme", "système"], "iPadOS, macOS, tvOS, …, or as in iPad, Mac, Apple TV"),
        may(Col::OsVersion, "os_version", &["osversion", "version", "softwareversion", "operatingsystemversion"], "such as 18.1"),
        may(Col::Model, "model", &["modelname", "devicemodel", "product", "productname", "modell", "modele", "modèle"], "such as iPad (10th generation)"),
        may(Col::AssignedUser, "user", &["username", "assigneduser", "assignedto", "owner", "login", "userid", "benutzer", "benutzername", "zugewiesenan", "gebruiker", "gebruikersnaam", "toegewezenaan", "utilisateur", "nomdutilisateur"], "username of whom it is assigned to; empty for nobody"),
        may(Col::Managed, "managed", &["ismanaged", "enrolled", "mdmenrolled", "supervised", "verwaltet", "beheerd", "gere", "géré"], "yes or no: it is enrolled in MDM"),
        may(Col::Enrollment, "enrollment", &["enrollmenttype", "enrolment", "enrolmenttype"], "device, user, account-driven or shared-ipad"),
        may(Col::UserChannel, "user_channel", &["userchannelid", "mdmuserid"], "the user channel's id at the MDM server (Mac, Shared iPad)"),
        may(Col::LastSeen, "last_seen", &["lastseen", "lastcheckin", "lastcontact", "lastinventoryupdate", "zuletztgesehen", "laatstgezien", "derniercontact"], "2026-12-01, 01.12.2026, 2026-12-01 08:00 (UTC), ISO 8601"),
    ] },
    KindInfo { kind: Kind::Apps, title: "apps", file: &["app", "book", "asset", "license", "licence"], columns: &[
        must(Col::AdamId, "adam_id", &["itunesid", "appstoreid", "storeid", "itunesstoreid"], "Apple's catalogue number"),
        must(Col::AppName, "name", &["appname", "app", "title", "titel", "naam", "nom"], "the app's or book's name"),
        may(Col::AppKind, "kind", &["type", "producttype"], "App or Book"),
    ] },
    KindInfo { kind: Kind::AppTokens, title: "app_tokens", file: &["apptoken", "pushtoken", "token"], columns: &[
        must(Col::Serial, "serial", SERIALS, "the device's serial number"),
        must(Col::Topic, "topic", &["bundleid", "bundleidentifier", "app"], "the app's bundle id"),
        must(Col::Token, "token", &["devicetoken", "pushtoken", "apnstoken"], "the app's push token in hexadecimal"),
    ] },
    KindInfo { kind: Kind::Students, title: "students", file: &["student"], columns: &[
        must(Col::PersonId, "person_id", &[], "Apple School Manager: students.csv"),
        must(Col::FirstName, "first_name", &[], ""),
        may(Col::MiddleName, "middle_name", &[], ""),
        must(Col::LastName, "last_name", &[], ""),
        must(Col::Grade, "grade_level", &[], "becomes a group such as Grade 5"),
        may(Col::Mail, "email_address", &[], ""),
        may(Col::SisUsername, "sis_username", &[], "the username; else the mail's first part, or person_id"),
        may(Col::Policy, "password_policy", &[], "not used"),
        may(Col::LocationId, "location_id", &[], ""),
    ] },
    KindInfo { kind: Kind::Staff, title: "staff", file: &["staff", "teacher", "instructor"], columns: &[
        must(Col::PersonId, "person_id", &[], "Apple School Manager: staff.csv"),
        must(Col::FirstName, "first_name", &[], ""),
        may(Col::MiddleName, "middle_name", &[], ""),
        must(Col::LastName, "last_name", &[], ""),
        may(Col::Mail, "email_address", &[], ""),
        may(Col::SisUsername, "sis_username", &[], ""),
        may(Col::LocationId, "location_id", &[], ""),
    ] },
    KindInfo { kind: Kind::Courses, title: "courses", file: &["course"], columns: &[
        must(Col::CourseId, "course_id", &[], "Apple School Manager: courses.csv"),
        may(Col::CourseNumber, "course_number", &[], ""),
        must(Col::CourseName, "course_name", &[], "names the groups that classes become"),
        may(Col::LocationId, "location_id", &[], ""),
    ] },
    KindInfo { kind: Kind::Classes, title: "classes", file: &["class"], columns: &[
        must(Col::ClassId, "class_id", &[], "Apple School Manager: classes.csv; becomes a group"),
        may(Col::ClassNumber, "class_number", &[], ""),
        must(Col::CourseId, "course_id", &[], ""),
        may(Col::Instructor1, "instructor_id", &[], "a member of the group, as are instructor_id_2 and _3"),
        may(Col::Instructor2, "instructor_id_2", &[], ""),
        may(Col::Instructor3, "instructor_id_3", &[], ""),
        may(Col::LocationId, "location_id", &[], ""),
    ] },
    KindInfo { kind: Kind::Rosters, title: "rosters", file: &["roster"], columns: &[
        may(Col::RosterId, "roster_id", &[], "Apple School Manager: rosters.csv; not used"),
        must(Col::ClassId, "class_id", &[], ""),
        must(Col::StudentId, "student_id", &[], "the person_id of one student of the class"),
    ] },
    KindInfo { kind: Kind::Locations, title: "locations", file: &["location"], columns: &[
        must(Col::LocationId, "location_id", &[], "Apple School Manager: locations.csv"),
        must(Col::LocationName, "location_name", &[], "becomes the attribute location"),
    ] },
];
