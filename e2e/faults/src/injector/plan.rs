//! Which faults there are, and in what order they come.

use super::{Action, Injection};
use crate::{
    proxy::Manners,
    world::{ROLES, SCHEDULERS},
};

/// Those that a short run begins with; it has time for a few others.
const FIRST: [&str; 9] = [
    "kill all schedulers",
    "kill reminders",
    "kill notifications",
    "kill relay",
    "kill kafka",
    "kill postgres",
    "kill daprd-reminders",
    "double and reorder calls",
    "lose answers",
];

/// Every fault that there is.
pub fn all() -> Vec<Injection> {
    let mut all = Vec::new();
    let sidecars = ROLES.iter().map(|role| format!("daprd-{role}"));
    let one_scheduler = "scheduler-0".to_owned();
    let roles = ROLES.iter().map(|role| (*role).to_owned());
    let parts = roles
        .clone()
        .chain(["gateway".into()])
        .chain(sidecars)
        .chain([one_scheduler, "kafka".into(), "postgres".into()]);
    for part in parts {
        all.push(Injection::new(
            format!("kill {part}"),
            Action::Kill(vec![part.clone()]),
        ));
        all.push(Injection::new(
            format!("pause {part}"),
            Action::Pause(vec![part]),
        ));
    }
    let schedulers: Vec<String> = (0..SCHEDULERS).map(|n| format!("scheduler-{n}")).collect();
    let kill = Injection::new("kill all schedulers", Action::Kill(schedulers.clone()));
    all.push(kill.of_all_schedulers());
    let pause = Injection::new("pause all schedulers", Action::Pause(schedulers));
    all.push(pause.of_all_schedulers().lasting(8));
    for role in roles.clone().chain(["gateway".into()]) {
        all.push(Injection::new(
            format!("cut {role} from postgres"),
            Action::Cut(vec![format!("{role}-postgres")]),
        ));
    }
    for role in roles.clone() {
        all.push(Injection::new(
            format!("cut {role} from kafka"),
            Action::Cut(vec![format!("{role}-kafka")]),
        ));
    }
    let meddle = |name: &str, manners| {
        Injection::new(name, Action::Meddle(roles.clone().collect(), manners))
    };
    all.push(
        meddle(
            "double and reorder calls",
            Manners {
                double: 1.0,
                ..Manners::default()
            },
        )
        .lasting(6),
    );
    // For less time than a sidecar waits before it calls again: one answer is lost, not one after
    // the other.
    let lossy = Manners {
        lose_answer: 0.5,
        ..Manners::default()
    };
    all.push(meddle("lose answers", lossy));
    all.push(Injection::new(
        "lose the gateway's answers",
        Action::Meddle(vec!["gateway".into()], lossy),
    ));
    all.push(Injection::new("receiver answers 503", Action::Refuse));
    for (name, ms) in [("ahead by 1.5 s", 1_500), ("behind by 5 s", -5_000)] {
        let step = Injection::new(format!("clock of reminders {name}"), Action::Step(ms));
        all.push(step.lasting(6));
    }
    all
}

/// The faults of a run of that many seconds, those of [`FIRST`] before the others; with `only` those
/// whose name has this text in it, again and again.
pub fn plan(seconds: u64, seed: u64, only: Option<&str>) -> Vec<Injection> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut known = all();
    if let Some(only) = only {
        known.retain(|injection| injection.name.contains(only));
    }
    let mut chosen = Vec::new();
    let mut left = seconds;
    let mut first = only.is_none();
    while !known.is_empty() {
        rng.shuffle(&mut known);
        if first {
            known.sort_by_key(|injection| {
                let place = FIRST.iter().position(|name| *name == injection.name);
                place.unwrap_or(FIRST.len())
            });
            first = false;
        }
        let before = chosen.len();
        for injection in &known {
            if injection.turn <= left {
                left -= injection.turn;
                chosen.push(injection.clone());
            }
        }
        if chosen.len() == before {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_those_of_a_short_run_are_known() {
        let mut names: Vec<String> = all().into_iter().map(|fault| fault.name).collect();
        for name in FIRST {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_plan_is_made_by_its_seed_and_fits_its_time() {
        let turns = |plan: &[Injection]| plan.iter().map(|fault| fault.turn).sum::<u64>();
        let short = plan(135, 7, None);
        assert_eq!(short, plan(135, 7, None));
        assert_ne!(plan(600, 7, None), plan(600, 8, None));
        assert!((126..=135).contains(&turns(&short)), "{}", turns(&short));
        assert_eq!(short[0].name, "kill all schedulers");
        let long = plan(3600, 7, None);
        let names = |name: &str| long.iter().filter(|fault| fault.name == name).count();
        assert!(all().iter().all(|fault| names(&fault.name) >= 3));
    }

    #[test]
    fn only_one_fault_is_planned_again_and_again() {
        let plan = plan(60, 7, Some("kill relay"));
        assert_eq!(plan.len(), 6);
        assert!(plan.iter().all(|fault| fault.name == "kill relay"));
    }
}
