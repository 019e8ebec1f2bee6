//! What the lines of a prompt have asked for and nobody has sent yet.

use crate::domain::approval::Difference;
use crate::domain::delivery::Channel;
use crate::domain::intent::{self, Asked, Effect, Intent};
use crate::domain::invite_plan::counted;
use crate::domain::time::Timestamp;
use crate::script::session::Ask;
use crate::store::{Store, StoreError};

/// The asks of all lines, in their order.
#[derive(Debug, Default)]
pub struct Tray {
    lines: Vec<Line>,
}

/// A line that asked for something.
#[derive(Debug)]
pub struct Line {
    pub text: String,
    pub asks: Vec<Ask>,
    /// The newest run that it could see.
    pub saw_run: i64,
}

impl Tray {
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many things are asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.asks().count()
    }

    /// In the order in which they were asked.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.lines.iter().flat_map(|line| &line.asks)
    }

    /// What the lines ask for, as if one script had: each ask knows what the others change.
    #[must_use]
    pub fn together(&self) -> Vec<Asked> {
        let mut asked: Vec<Asked> = self.asked().cloned().collect();
        intent::settle_grounds(&mut asked);
        asked
    }

    pub fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.asks().map(|ask| &ask.asked)
    }

    pub fn add(&mut self, line: Line) {
        if !line.asks.is_empty() {
            self.lines.push(line);
        }
    }

    /// Takes the last line out.
    pub fn undo(&mut self) -> Option<Line> {
        self.lines.pop()
    }

    /// Takes one thing out, by its number from 1 as `asks` counts.
    pub fn take(&mut self, number: usize) -> Option<Ask> {
        let mut before = number.checked_sub(1)?;
        let line = self.lines.iter_mut().find(|line| {
            let here = before < line.asks.len();
            before -= if here { 0 } else { line.asks.len() };
            here
        })?;
        let ask = line.asks.remove(before);
        self.lines.retain(|line| !line.asks.is_empty());
        Some(ask)
    }

    /// Takes everything out.
    pub fn empty(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// The newest run that all lines could see.
    #[must_use]
    pub fn saw_run(&self) -> Option<i64> {
        self.lines.iter().map(|line| line.saw_run).min()
    }

    /// What would still happen now: the roster may have changed since the lines were run.
    ///
    /// # Errors
    /// The store's.
    pub fn compare(&self, store: &Store) -> Result<Difference, StoreError> {
        let kept: Vec<((u32, Asked), Timestamp)> =
            (0..).zip(self.together()).zip(self.asks()).map(|(kept, ask)| (kept, ask.read_at)).collect();
        store.compare_asked(&kept)
    }

    /// `42 invitations, 42 mails`, in few words; empty for an empty tray.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        let mut add = |noun, n| match counts.iter_mut().find(|(known, _)| *known == noun) {
            Some((_, count)) => *count += n,
            None => counts.push((noun, n)),
        };
        for asked in self.asked() {
            match &asked.intent {
                Intent::Invite(invite) => {
                    add("invitation", invite.lines().len());
                    let by_mail = invite.options.channels.contains(&Channel::Mail);
                    add("mail", if by_mail { invite.lines().iter().filter(|line| line.mail).count() } else { 0 });
                }
                Intent::Withdraw { users } => add("withdrawal", users.len()),
                other => add(noun(other.effect()), other.deliveries().max(1)),
            }
        }
        counts.retain(|(_, n)| *n > 0);
        counts.into_iter().map(|(noun, n)| counted(n, noun)).collect::<Vec<_>>().join(", ")
    }
}

fn noun(effect: Effect) -> &'static str {
    match effect {
        Effect::Invite => "invitation",
        Effect::Withdraw => "withdrawal",
        Effect::Mail => "mail",
        Effect::Push => "alert",
        Effect::Webhook => "post",
        Effect::AssignDevice => "device assignment",
        Effect::Distribution => "distribution change",
        Effect::AssignApp => "app assignment",
        Effect::Tasks => "task change",
    }
}
