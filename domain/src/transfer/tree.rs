//! The tasks of a file in an order in which each comes after the one that it is a subtask of.

use std::collections::HashMap;

use super::{Entry, File};

/// A task of a file and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its line.
    pub line: u32,
    /// Its number among the tasks of the file, from 0.
    pub number: usize,
    /// The number of the task that it is a subtask of.
    pub parent: Option<usize>,
    /// What the file says of it.
    pub entry: Entry,
}

/// The tasks of a file, parents first, otherwise as they stand there. What comes twice is refused; what names a
/// parent that is not in the file, or that is below itself, is taken as no subtask.
pub fn tree(file: &mut File) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::with_capacity(file.tasks.len());
    let mut names: HashMap<String, usize> = HashMap::new();
    for (line, entry) in std::mem::take(&mut file.tasks) {
        let number = nodes.len();
        if let Some(name) = &entry.id {
            if let Some(first) = names.get(name) {
                let first = nodes[*first].line;
                file.refuse(line, format!("has the id of the task in line {first}"));
                continue;
            }
            names.insert(name.clone(), number);
        }
        nodes.push(Node {
            line,
            number,
            parent: None,
            entry,
        });
    }
    for node in &mut nodes {
        if let Some(name) = &node.entry.parent {
            node.parent = names.get(name).copied();
            if node.parent.is_none() {
                file.note(node.line, "its parent is not in the file: it is no subtask");
            }
        }
    }
    let levels = levels(&nodes);
    for (node, level) in nodes.iter_mut().zip(&levels) {
        if level.is_none() {
            node.parent = None;
            file.note(
                node.line,
                "its parents go round in a circle: it is no subtask",
            );
        }
    }
    // Stable: those of a level stay in their order.
    nodes.sort_by_key(|node| levels[node.number].unwrap_or(0));
    nodes
}

/// How many tasks are above each; none within a circle and below it.
fn levels(nodes: &[Node]) -> Vec<Option<usize>> {
    let mut levels: Vec<Option<Option<usize>>> = vec![None; nodes.len()];
    for start in 0..nodes.len() {
        let mut path = Vec::new();
        let mut at = Some(start);
        // Up to what is known, or to the top; a path longer than all there are is a circle.
        let mut level = loop {
            match at {
                None => break Some(0),
                Some(number) => {
                    if let Some(known) = levels[number] {
                        break known.map(|level| level + 1);
                    }
                    if path.len() > nodes.len() {
                        break None;
                    }
                    path.push(number);
                    at = nodes[number].parent;
                }
            }
        };
        for number in path.into_iter().rev() {
            levels[number] = Some(level);
            level = level.map(|level| level + 1);
        }
    }
    levels.into_iter().map(Option::flatten).collect()
}
