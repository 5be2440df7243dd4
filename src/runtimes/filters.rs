//! System call filters, built once for each kind of session.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::sandbox::{self, Filter};

/// The filters of this kind, as the kernel takes them.
///
/// # Errors
/// They can't be built for this machine's architecture.
pub fn built(filter: Filter) -> std::io::Result<Vec<Vec<u8>>> {
    static BUILT: OnceLock<Mutex<HashMap<Filter, Vec<Vec<u8>>>>> = OnceLock::new();
    let built = || BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(filters) = built().get(&filter) {
        return Ok(filters.clone());
    }
    let filters = sandbox::filters(filter)?;
    Ok(built().entry(filter).or_insert(filters).clone())
}
