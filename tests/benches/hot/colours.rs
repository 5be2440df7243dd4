//! The colours of a text of a thousand lines.

use codebeaker::tui::internals::Coloured;
use criterion::Criterion;

/// The ending of the text's name.
const TYPESCRIPT: &str = "ts";

pub fn bench(criterion: &mut Criterion) {
    let text = crate::program();
    let lines = text.lines().count();
    let mut group = criterion.benchmark_group("colours of 1,000 lines");
    // A round takes a tenth of a second.
    group.sample_size(10);
    group.bench_function("from scratch", |bencher| {
        let (mut coloured, mut number) = (Coloured::new(&text, lines / 2), 0);
        bencher.iter(|| {
            // Of a text with another number nothing is known.
            number += 1;
            assert!(coloured.colour(number, TYPESCRIPT));
        });
    });
    // A pair of these is a letter and its way back: the text stays as it is.
    for (name, letter) in
        [("a letter in the middle and back", 'x'), ("a string opened in the middle and closed", '`')]
    {
        group.bench_function(name, |bencher| {
            let mut coloured = Coloured::new(&text, lines / 2);
            coloured.colour(1, TYPESCRIPT);
            bencher.iter(|| {
                coloured.type_letter(letter);
                coloured.colour(1, TYPESCRIPT);
                coloured.take_letter();
                coloured.colour(1, TYPESCRIPT)
            });
        });
    }
    group.finish();
}
