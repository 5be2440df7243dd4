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
    /// The model has what was taken over: it is among what it has kept from now on.
    has_taken: bool,
}

impl Keeping {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { keeper: Arc::new(Mutex::new(Keeper::new(dir))), number: 0, has_taken: false }
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
        let has_taken = self.has_taken;
        let work = self.request(move |keeper, number| keeper.keep(number, &texts, has_taken));
        let tx = crew.tx();
        crew.spawn(async move {
            let result = blocking(work).await.and_then(|result| result.map_err(|error| system_words(&error)));
            if let Err(why) = result {
                // Nobody listens any more: the owner is ending.
                let _ = tx.send(Msg::File(FileMsg::NotKept(why))).await;
            }
        });
    }

    /// The same before anything else is done, and as the last thing.
    pub(super) fn keep_at_end(&mut self, texts: &[Unsaved]) {
        let has_taken = self.has_taken;
        let work = self.request(move |keeper, number| keeper.keep_at_end(number, texts, has_taken));
        if let Err(error) = work() {
            tracing::warn!("what is not saved was not kept: {error}");
        }
    }

    /// The model has taken what was recovered.
    pub(super) fn is_taken(&mut self) {
        self.has_taken = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::msg::Source;

    /// What the next workbench is told.
    async fn told(keeping: &mut Keeping) -> Vec<Unsaved> {
        let mut crew = Crew::new();
        keeping.recover(&mut crew);
        match crew.next().await {
            Some(Msg::File(FileMsg::Recovered(texts, None))) => texts,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_came_back_is_forgotten_at_the_end_only_if_the_model_has_it() {
        let home = tempfile::tempdir().unwrap();
        let next = || Keeping::new(home.path().to_owned());
        let text = Unsaved { source: Source::Named("a.py".to_owned()), text: "x".to_owned(), base: None };
        next().keep_at_end(std::slice::from_ref(&text));
        // The workbench is left before it hears of it.
        let mut left = next();
        assert_eq!(told(&mut left).await, std::slice::from_ref(&text));
        left.keep_at_end(&[]);
        let mut heard = next();
        assert_eq!(told(&mut heard).await, [text]);
        heard.is_taken();
        heard.keep_at_end(&[]);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
