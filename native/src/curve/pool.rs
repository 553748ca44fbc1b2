//! Working space that threads take and give back: fresh memory costs as much as the work done in it.

use std::sync::Mutex;

pub struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default> Pool<T> {
    /// Calls `f` with a space that nobody else uses meanwhile, in the state in which it was left.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let free = self.0.lock().expect("nothing panics with the lock").pop();
        let mut space = free.unwrap_or_default();
        let result = f(&mut space);
        self.0.lock().expect("nothing panics with the lock").push(space);
        result
    }
}
