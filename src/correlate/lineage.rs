//! Which message came of which: re-injected, forwarded, bounced.

/// How a message came of its parent; the words of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// Came back from a content filter.
    Reinjected,
    /// An alias or a `.forward` file.
    Forwarded,
    /// Handed on to another server whose log is read as well.
    Relayed,
    /// A non-delivery notification.
    Bounce,
    DelayNotification,
    SuccessNotification,
    /// `postsuper -r`: the same message under a new queue ID.
    Resubmitted,
}

impl Relation {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reinjected => "reinjected",
            Self::Forwarded => "forwarded",
            Self::Relayed => "relayed",
            Self::Bounce => "bounce",
            Self::DelayNotification => "delay_notification",
            Self::SuccessNotification => "success_notification",
            Self::Resubmitted => "resubmitted",
        }
    }

    /// True when the child is the same submission, on its way; false for a message about it.
    pub fn same_submission(self) -> bool {
        matches!(
            self,
            Self::Reinjected | Self::Forwarded | Self::Relayed | Self::Resubmitted
        )
    }
}

/// A link between two messages by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link {
    pub child: u32,
    pub parent: u32,
    pub relation: Relation,
}

/// All links of a run, and each message's place in them.
#[derive(Debug, Default)]
pub struct Lineage {
    /// By child: the first link that a line told.
    parents: Vec<Option<(u32, Relation)>>,
    /// Sorted by parent, then child.
    links: Vec<Link>,
}

impl Lineage {
    /// Takes the links in the order in which the log told them; the first about a child counts.
    pub fn new(n_messages: u32, told: &[Link]) -> Self {
        let mut parents: Vec<Option<(u32, Relation)>> = vec![None; n_messages as usize];
        let mut links = Vec::with_capacity(told.len());
        for link in told {
            // Hostile or damaged logs can tell a circle; a message is not its own ancestor.
            let circle = descends(&parents, link.parent, link.child);
            if let Some(slot @ None) = parents.get_mut(link.child as usize)
                && !circle
            {
                *slot = Some((link.parent, link.relation));
                links.push(*link);
            }
        }
        links.sort_unstable_by_key(|link| (link.parent, link.child));
        Self { parents, links }
    }

    /// The message that this one came of.
    pub fn parent(&self, message: u32) -> Option<(u32, Relation)> {
        self.parents.get(message as usize).copied().flatten()
    }

    /// True when an alias or a `.forward` file made it, or one of those that it came of.
    pub fn was_forwarded(&self, message: u32) -> bool {
        let mut at = message;
        while let Some((parent, relation)) = self.parent(at) {
            if relation == Relation::Forwarded {
                return true;
            }
            at = parent;
        }
        false
    }

    /// The messages that came of this one, in the order of their numbers.
    pub fn children(&self, message: u32) -> impl Iterator<Item = (u32, Relation)> + '_ {
        let start = self.links.partition_point(|link| link.parent < message);
        self.links
            .iter()
            .skip(start)
            .take_while(move |link| link.parent == message)
            .map(|link| (link.child, link.relation))
    }

    /// The message that was handed in from outside: itself, or the first before all filters and aliases.
    pub fn submission(&self, message: u32) -> u32 {
        let mut root = message;
        while let Some((parent, relation)) = self.parent(root)
            && relation.same_submission()
        {
            root = parent;
        }
        root
    }

    /// The whole family: the oldest ancestor and all that came of it, in tree order with their depth.
    pub fn family(&self, message: u32) -> Vec<(u32, usize)> {
        let mut root = message;
        while let Some((parent, _)) = self.parent(root) {
            root = parent;
        }
        let mut family = Vec::new();
        let mut waiting = vec![(root, 0)];
        while let Some((number, depth)) = waiting.pop() {
            family.push((number, depth));
            let first_new = waiting.len();
            waiting.extend(self.children(number).map(|(child, _)| (child, depth + 1)));
            waiting[first_new..].reverse();
        }
        family
    }
}

/// Postfix itself gives up after 50 hops (`hopcount_limit`).
const MAX_GENERATIONS: usize = 100;

/// True when `message` is `ancestor` or came of it, or has more ancestors than mail can have.
fn descends(parents: &[Option<(u32, Relation)>], message: u32, ancestor: u32) -> bool {
    let mut current = message;
    for _ in 0..MAX_GENERATIONS {
        if current == ancestor {
            return true;
        }
        match parents.get(current as usize).copied().flatten() {
            Some((parent, _)) => current = parent,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(child: u32, parent: u32, relation: Relation) -> Link {
        Link {
            child,
            parent,
            relation,
        }
    }

    #[test]
    fn submission_stops_at_a_notification() {
        let told = [
            link(1, 0, Relation::Reinjected),
            link(2, 1, Relation::Forwarded),
            link(3, 2, Relation::Bounce),
        ];
        let lineage = Lineage::new(4, &told);
        assert_eq!(lineage.submission(2), 0);
        assert_eq!(lineage.submission(3), 3);
        assert_eq!(lineage.family(3), [(0, 0), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn circles_and_second_parents_are_not_believed() {
        let told = [
            link(1, 0, Relation::Reinjected),
            link(0, 1, Relation::Reinjected),
            link(1, 2, Relation::Forwarded),
            link(2, 2, Relation::Bounce),
        ];
        let lineage = Lineage::new(3, &told);
        assert_eq!(lineage.parent(0), None);
        assert_eq!(lineage.parent(1), Some((0, Relation::Reinjected)));
        assert_eq!(lineage.parent(2), None);
        assert_eq!(lineage.family(1), [(0, 0), (1, 1)]);
    }

    #[test]
    fn family_is_in_tree_order() {
        let told = [
            link(4, 1, Relation::Bounce),
            link(1, 0, Relation::Reinjected),
            link(2, 0, Relation::Forwarded),
            link(3, 1, Relation::Forwarded),
        ];
        let lineage = Lineage::new(5, &told);
        assert_eq!(lineage.family(4), [(0, 0), (1, 1), (3, 2), (4, 2), (2, 1)]);
    }
}
