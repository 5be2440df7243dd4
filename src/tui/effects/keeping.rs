//! Keeps texts that are not saved: one write at a time, and none after a newer one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::blocking;
use super::crew::Crew;
use crate::engine::system_words;
use crate::tui::msg::{FileMsg, Msg, Unsaved};
use crate::tui::recovery::Keeper;

pub(super) struct Keeping {
    keeper: Arc<Mutex<Keeper>>,
    /// The number of the last request.
    number: u64,
}

impl Keeping {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { keeper: Arc::new(Mutex::new(Keeper::new(dir))), number: 0 }
    }

    /// A request of its own: with the keeper, locked, and its number.
    fn request<T, F>(&mut self, work: F) -> impl FnOnce() -> T + use<T, F>
    where
        F: FnOnce(&mut Keeper, u64) -> T,
    {
        self.number += 1;
        let (keeper, number) = (Arc::clone(&self.keeper), self.number);
        // What a panic left is replaced by the next request as a whole.
        move || work(&mut keeper.lock().unwrap_or_else(PoisonError::into_inner), number)
    }

    pub(super) fn keep(&mut self, texts: Vec<Unsaved>, crew: &mut Crew) {
        let work = self.request(move |keeper, number| keeper.keep(number, &texts));
        let tx = crew.tx();
        crew.spawn(async move {
            let result = blocking(work).await.and_then(|result| result.map_err(|error| system_words(&error)));
            if let Err(why) = result {
                // Nobody listens any more: the owner is ending.
                let _ = tx.send(Msg::File(FileMsg::NotKept(why))).await;
            }
        });
    }

    /// The same before anything else is done.
    pub(super) fn keep_now(&mut self, texts: &[Unsaved]) {
        if let Err(error) = self.request(|keeper, number| keeper.keep(number, texts))() {
            tracing::warn!("what is not saved was not kept: {error}");
        }
    }

    pub(super) fn recover(&mut self, crew: &mut Crew) {
        let work = self.request(Keeper::take_over);
        let tx = crew.tx();
        crew.spawn(async move {
            let msg =
                match blocking(work).await.and_then(|result| result.map_err(|error| system_words(&error))) {
                    Ok(found) if found.texts.is_empty() && found.broken.is_none() => return,
                    Ok(found) => FileMsg::Recovered(found.texts, found.broken),
                    Err(why) => FileMsg::NotKept(why),
                };
            // As above.
            let _ = tx.send(Msg::File(msg)).await;
        });
    }
}
