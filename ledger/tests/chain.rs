//! Laws of the chain: what was appended verifies, and no single change goes unseen.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use countersign_intent::digest::Digest;
use countersign_intent::id::TenantId;
use countersign_ledger::{Entry, Kind, Record, leaf, verify};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A log in which `writers[i]` wrote entry `i`.
fn log(writers: &[u8]) -> Vec<Entry> {
    let mut heads: Vec<(u64, Option<Digest>)> = vec![(0, None); 256];
    let mut entries = Vec::new();
    for (index, writer) in writers.iter().enumerate() {
        let (wseq, wprev) = heads[usize::from(*writer)];
        let record = Record {
            v: 1,
            kind: Kind::Decision,
            log: "example.org/log".to_owned(),
            tenant: TenantId::single(),
            at: "2030-01-01T00:00:00Z".parse().unwrap(),
            writer: format!("w#{writer}"),
            wseq,
            wprev,
            body: Map::from_iter([("n".to_owned(), Value::from(index))]),
        };
        let record = record.to_text().unwrap();
        let leaf = leaf(&record);
        heads[usize::from(*writer)] = (wseq + 1, Some(leaf));
        entries.push(Entry {
            index: u64::try_from(index).unwrap(),
            leaf,
            record,
        });
    }
    entries
}

fn renumber(entries: &mut [Entry]) {
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.index = u64::try_from(index).unwrap();
    }
}

proptest! {
    #[test]
    fn what_was_appended_verifies(writers in prop::collection::vec(0u8..4, 0..40)) {
        let summary = verify(log(&writers)).unwrap();
        prop_assert_eq!(summary.size, u64::try_from(writers.len()).unwrap());
    }

    #[test]
    fn changed_byte_is_found_where_it_is(
        writers in prop::collection::vec(0u8..3, 1..20),
        place in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
    ) {
        let mut entries = log(&writers);
        let at = place.index(entries.len());
        let mut bytes = entries[at].record.clone().into_bytes();
        let byte = byte.index(bytes.len());
        bytes[byte] ^= 1;
        entries[at].record = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verify(entries).unwrap_err().index(), u64::try_from(at).unwrap());
    }

    #[test]
    fn removed_record_is_found_unless_it_was_its_writers_last(
        writers in prop::collection::vec(0u8..3, 2..20),
        place in any::<prop::sample::Index>(),
    ) {
        let mut entries = log(&writers);
        let at = place.index(entries.len());
        let followed = writers[at + 1..].contains(&writers[at]);
        entries.remove(at);
        renumber(&mut entries);
        prop_assert_eq!(verify(entries).is_err(), followed);
    }

    #[test]
    fn swapped_records_of_one_writer_are_found(count in 2usize..20, place in any::<prop::sample::Index>()) {
        let mut entries = log(&vec![0; count]);
        let at = place.index(count - 1);
        entries.swap(at, at + 1);
        renumber(&mut entries);
        prop_assert_eq!(verify(entries).unwrap_err().index(), u64::try_from(at).unwrap());
    }
}
