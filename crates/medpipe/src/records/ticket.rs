//! One measurement that may be looked up, and put down.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::Measured;

use super::state::{File, Numbers, Wanted};
use super::{Records, disk};
use crate::flight::{Flight, Turn};

/// The right to look up a measurement, and to put it down.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    records: Records,
    /// The file's canonical path.
    path: PathBuf,
    /// The text of its content, and of this version.
    head: Arc<str>,
    /// What was done to it, and what is measured.
    name: Arc<str>,
    /// How many numbers there are: one, or one for each channel.
    count: usize,
}

impl Ticket {
    pub(super) fn new(records: &Records, path: &Path, head: &Arc<str>, name: String, count: usize) -> Ticket {
        Ticket {
            records: records.clone(),
            path: path.into(),
            head: Arc::clone(head),
            name: name.into(),
            count,
        }
    }

    fn file(&self) -> File<'_> {
        let record = self.records.dir().map(|dir| disk::path(dir, &self.path));
        File { path: &self.path, head: &self.head, record }
    }

    /// The numbers, if they are there.
    pub(crate) fn numbers(&self) -> Option<Numbers> {
        let numbers = self.records.state().numbers(&self.file(), &self.name)?;
        (numbers.len() == self.count).then_some(numbers)
    }

    /// The numbers, if they were put down since this was planned, or the right to measure them; waits while another thread does.
    pub(crate) fn begin(&self) -> Begun<'_> {
        let flight = match self.records.state().begin(&self.file(), &self.name) {
            Turn::Made(numbers) if numbers.len() == self.count => return Begun::Known(numbers),
            Turn::Made(_) | Turn::Known => None,
            Turn::Mine(flight) => flight,
        };
        let measuring = Measuring { ticket: self, flight };
        match self.numbers() {
            // Another process was faster.
            Some(numbers) => Begun::Known(measuring.land(numbers)),
            None => Begun::Mine(measuring),
        }
    }
}

/// How a thread comes to numbers.
pub(crate) enum Begun<'a> {
    Known(Numbers),
    Mine(Measuring<'a>),
}

/// The right to measure, until it is dropped.
pub(crate) struct Measuring<'a> {
    ticket: &'a Ticket,
    flight: Option<Flight<Wanted, Numbers>>,
}

impl Measuring<'_> {
    /// Puts numbers down.
    pub(crate) fn put(self, numbers: Vec<Measured>) -> Numbers {
        let numbers = numbers.into();
        self.ticket.records.state().put(&self.ticket.file(), &self.ticket.name, &numbers);
        self.land(numbers)
    }

    /// Gives the numbers to those who wait for them.
    fn land(self, numbers: Numbers) -> Numbers {
        if let Some(flight) = &self.flight {
            flight.land(&numbers);
        }
        numbers
    }
}
