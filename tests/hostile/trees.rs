//! Trees that are hard to walk: deep, wide, and with names that are no text.

use codebeaker::protocol::CommandOutput;

use crate::paths::{delete, list, read};
use crate::siege::{Inside, Siege};

/// Makes a tree of 20,000 directories, one in the other.
async fn deep(siege: &Siege, inside: &Inside) {
    let dig = "import os\nos.mkdir('deep')\nos.chdir('deep')\n\
        for n in range(20000):\n    os.mkdir('d')\n    os.chdir('d')\nopen('bottom', 'w').close()\nprint(n + 1)";
    assert_eq!(siege.python(inside, dig).await, "20000\n");
}

pub async fn a_deep_tree_is_deleted(siege: &Siege) {
    let inside = siege.create().await;
    deep(siege, &inside).await;
    // Bounded, or refused with a reason.
    let result = siege.execute(&inside, list("deep")).await;
    match &result.result {
        Some(CommandOutput::Listing(listing)) => assert!(listing.entries.len() <= 20_001),
        _ => assert!(!result.error.unwrap().is_empty()),
    }
    siege.engine.stats(&inside.id).await.unwrap();
    let deleted = siege.execute(&inside, delete("deep")).await;
    assert!(deleted.success, "{deleted:?}");
    assert_eq!(siege.sh(&inside, "ls -A").await.stdout, "");
}

pub async fn a_deep_tree_is_left_behind(siege: &Siege) {
    let inside = siege.create().await;
    deep(siege, &inside).await;
    siege.close(&inside).await;
}

pub async fn many_files(siege: &Siege) {
    let inside = siege.create().await;
    let sow = "import os\nos.mkdir('many')\nfor n in range(20000):\n    open(f'many/{n}', 'w').close()\nprint(n + 1)";
    assert_eq!(siege.python(&inside, sow).await, "20000\n");
    let result = siege.execute(&inside, list("many")).await;
    let Some(CommandOutput::Listing(listing)) = &result.result else { panic!("{result:?}") };
    assert!(listing.entries.len() == 20_000 || listing.truncated, "{}", listing.entries.len());
    assert!(siege.execute(&inside, read("many/19999")).await.success);
    let deleted = siege.execute(&inside, delete("many")).await;
    assert!(deleted.success, "{deleted:?}");
    // And again, left for the end of the session.
    assert_eq!(siege.python(&inside, sow).await, "20000\n");
}

pub async fn odd_names(siege: &Siege) {
    let inside = siege.create().await;
    let sow = r"
import os
names = [b'\xff\xfe', b'\xc3', b'a\nb', b'\x1b[31mred\x1b[0m', b'\x1b]0;title\x07', b'-rf', b'--', b' ', b'*', b'$(id)', b'`id`',
         b'tab\tbed', b'\r', b'\x7f', b'\xe2\x80\xaegnp.exe', b'\xed\xa0\x80', b'n' * 255, b'\xff' * 255, b'quote\'s', b'say \x22hi\x22', b'\\', b'...', b'\xf0\x9f\xa6\x80']
os.mkdir('odd')
for name in names:
    with open(b'odd/' + name, 'w') as file:
        file.write('found')
    os.mkdir(b'odd/d' + name[:254])
    os.symlink(name, b'odd/l' + name[:254])
print(3 * len(names))
";
    let made: usize = siege.python(&inside, sow).await.trim().parse().unwrap();
    let result = siege.execute(&inside, list("odd")).await;
    let Some(CommandOutput::Listing(listing)) = &result.result else { panic!("{result:?}") };
    assert_eq!(listing.entries.len(), made);
    // It goes through JSON.
    serde_json::to_string(&result).unwrap();
    for name in
        ["a\nb", "\x1b[31mred\x1b[0m", "-rf", "--", " ", "*", "$(id)", "tab\tbed", "\u{202e}gnp.exe", "..."]
    {
        let result = siege.execute(&inside, read(&format!("odd/{name}"))).await;
        let Some(CommandOutput::Content(content)) = &result.result else { panic!("{name:?}: {result:?}") };
        assert_eq!(content.content, "found");
    }
    siege.refused(&inside, read("odd/\u{fffd}")).await;
    assert!(siege.execute(&inside, delete("odd/*")).await.success);
    let left = siege.execute(&inside, list("odd")).await;
    let Some(CommandOutput::Listing(listing)) = &left.result else { panic!("{left:?}") };
    assert_eq!(listing.entries.len(), made - 1, "a name is no pattern");
    let deleted = siege.execute(&inside, delete("odd")).await;
    assert!(deleted.success, "{deleted:?}");
    siege.python(&inside, sow).await;
}
