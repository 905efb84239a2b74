//! The index of request templates: upstream, method, then segment by segment.
//!
//! A look-up walks the segments of one path, so what it costs depends on that path and on the tools
//! that share it, not on how many tools there are.

use std::collections::BTreeMap;

use crate::id::ToolName;
use crate::template::{self, Piece};
use crate::tool::Tool;

/// Where each tool's path stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(BTreeMap<String, BTreeMap<String, Node>>);

/// What may follow the segments that led here.
#[derive(Clone, Debug, Default)]
struct Node {
    literal: BTreeMap<String, Node>,
    /// After a segment that is a parameter.
    any: Option<Box<Node>>,
    /// The tools whose path ends here.
    ends: Vec<ToolName>,
}

/// One segment of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    Literal(&'a str),
    Any,
}

/// The segments of a tool's path.
pub(super) fn pattern(tool: &Tool) -> Vec<Segment<'_>> {
    let path = &tool.definition().request.path;
    path.split('/').skip(1).map(segment).collect()
}

fn segment(text: &str) -> Segment<'_> {
    match template::pieces(text).as_deref() {
        Ok([Piece::Name(_)]) => Segment::Any,
        Ok(_) | Err(_) => Segment::Literal(text),
    }
}

impl Index {
    /// Adds a tool.
    pub(crate) fn insert(&mut self, tool: &Tool) {
        let definition = tool.definition();
        let methods = self.0.entry(definition.upstream.clone()).or_default();
        let mut node = methods
            .entry(definition.request.method.clone())
            .or_default();
        for segment in pattern(tool) {
            node = match segment {
                Segment::Literal(text) => node.literal.entry(text.to_owned()).or_default(),
                Segment::Any => node.any.get_or_insert_with(Box::default),
            };
        }
        node.ends.push(tool.name.clone());
    }

    /// The tools whose path `segments` fill, sorted by name.
    pub(super) fn find(&self, upstream: &str, method: &str, segments: &[&str]) -> Vec<&ToolName> {
        let literal: Vec<Segment<'_>> = segments.iter().copied().map(Segment::Literal).collect();
        self.meeting(upstream, method, &literal)
    }

    /// The tools whose path some path of `pattern` fills too, sorted by name.
    pub(super) fn meeting(
        &self,
        upstream: &str,
        method: &str,
        pattern: &[Segment<'_>],
    ) -> Vec<&ToolName> {
        let root = self.0.get(upstream).and_then(|methods| methods.get(method));
        let mut found = Vec::new();
        if let Some(root) = root {
            root.collect(pattern, &mut found);
        }
        found.sort();
        found
    }
}

impl Node {
    fn collect<'a>(&'a self, pattern: &[Segment<'_>], found: &mut Vec<&'a ToolName>) {
        let Some((first, rest)) = pattern.split_first() else {
            found.extend(&self.ends);
            return;
        };
        match first {
            Segment::Literal(text) => {
                if let Some(next) = self.literal.get(*text) {
                    next.collect(rest, found);
                }
            }
            Segment::Any => {
                for next in self.literal.values() {
                    next.collect(rest, found);
                }
            }
        }
        if let Some(next) = &self.any {
            next.collect(rest, found);
        }
    }
}
