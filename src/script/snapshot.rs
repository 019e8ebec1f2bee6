//! Variables as they were before something was evaluated, to be put back when nothing of it is to stay.

use std::collections::HashSet;

use rhai::{Dynamic, FnPtr, Scope};

/// The variables, and the values of those that closures share: a copy of a shared variable is the same
/// variable.
pub struct Snapshot<'s> {
    scope: Scope<'s>,
    shared: Vec<(Dynamic, Dynamic)>,
}

/// Arrays inside of each other that are gone through without a list.
const LEVELS: usize = 200;

impl<'s> Snapshot<'s> {
    pub fn of(scope: &Scope<'s>) -> Self {
        let mut shared = Vec::new();
        let mut seen = HashSet::new();
        // A list and no recursion: closures can share variables in chains as long as memory allows.
        let mut open: Vec<Dynamic> = Vec::new();
        for (_, _, value) in scope.iter_raw() {
            find_shared(value, LEVELS, &mut open);
        }
        while let Some(value) = open.pop() {
            if !value.is_shared() {
                find_shared(&value, LEVELS, &mut open);
                continue;
            }
            let place = value.read_lock::<Dynamic>().map(|inside| std::ptr::from_ref::<Dynamic>(&inside).addr());
            if place.is_some_and(|place| seen.insert(place)) {
                let copy = value.flatten_clone();
                find_shared(&copy, LEVELS, &mut open);
                shared.push((value, copy));
            }
        }
        Self { scope: scope.clone(), shared }
    }

    pub fn restore(self, scope: &mut Scope<'s>) {
        for (mut cell, value) in self.shared {
            if let Some(mut inside) = cell.write_lock::<Dynamic>() {
                *inside = value;
            }
        }
        *scope = self.scope;
    }
}

/// Adds the shared variables in a value, and of what lies inside of so many levels a copy, to be looked into.
fn find_shared(value: &Dynamic, levels: usize, found: &mut Vec<Dynamic>) {
    let holds = value.is_array() || value.is_map() || value.is_fnptr();
    if value.is_shared() || (holds && levels == 0) {
        found.push(value.clone());
    } else if let Ok(items) = value.as_array_ref() {
        items.iter().for_each(|item| find_shared(item, levels - 1, found));
    } else if let Ok(map) = value.as_map_ref() {
        map.values().for_each(|item| find_shared(item, levels - 1, found));
    } else if let Some(closure) = value.read_lock::<FnPtr>() {
        closure.iter_curry().for_each(|item| find_shared(item, levels - 1, found));
    }
}
