//! Black-box suites. Being written by the e2e helper: see /tmp/brief/CLI-SPLIT.md.
