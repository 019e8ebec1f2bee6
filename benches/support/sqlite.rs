//! Looking into a site's store, and copying it: for truth lines and for rounds that start alike.

use std::path::Path;

use rusqlite::Connection;

/// Puts every delivery back to where it was before anybody tried it.
pub const OPEN_AGAIN: &str =
    "UPDATE deliveries SET state = 'pending', due = created_at, words = NULL, attempts = 0, first_try = NULL, ended_at = NULL;";

/// One number out of a store.
pub fn number(site: &Path, sql: &str) -> i64 {
    let connection = Connection::open(site.join("beckon.db")).expect("the store is there");
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

pub fn execute(site: &Path, sql: &str) {
    let connection = Connection::open(site.join("beckon.db")).expect("the store is there");
    connection.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

/// A copy of a site's folder whose store has no log left to take over.
pub fn copy(site: &Path, to: &Path) {
    execute(site, "PRAGMA wal_checkpoint(TRUNCATE)");
    let _ = std::fs::remove_dir_all(to);
    copy_folder(site, to);
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the target folder can be written");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a readable folder");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-wal") && !entry.file_name().to_string_lossy().ends_with("-shm")
        {
            std::fs::copy(&path, &target).expect("a file can be copied");
            // What is still on its way to the disk would be paid for by whoever syncs first.
            std::fs::File::open(&target).and_then(|f| f.sync_all()).expect("a file can be synced");
        }
    }
}

/// How many deliveries of the newest run, over this channel, are in one of these states.
pub fn accepted(site: &Path, channel: &str, states: &str) -> i64 {
    let newest = "run_id = (SELECT MAX(run_id) FROM deliveries)";
    number(site, &format!("SELECT COUNT(*) FROM deliveries WHERE {newest} AND channel = '{channel}' AND state IN ({states})"))
}
