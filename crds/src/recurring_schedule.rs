//! `RecurringSchedule`: to `ReminderJob` what a CronJob is to a Job.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{CatchUpPolicy, ChannelSpec, StackRef, TaskTemplate};

/// Makes ReminderJobs ahead of time by a recurrence rule.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "todostack.dev",
    version = "v1alpha1",
    kind = "RecurringSchedule",
    namespaced,
    derive = "PartialEq",
    status = "RecurringScheduleStatus",
    shortname = "rsched",
    category = "todostacks-all",
    doc = "RecurringSchedule makes ReminderJobs ahead of time by an RRULE (RFC 5545) or a cron expression.",
    selectable = ".spec.stackRef.name",
    printcolumn(json_path = ".spec.stackRef.name", name = "Stack", type_ = "string"),
    printcolumn(json_path = ".status.description", name = "Schedule", type_ = "string"),
    printcolumn(json_path = ".spec.suspend", name = "Suspend", type_ = "boolean"),
    printcolumn(
        json_path = ".status.nextOccurrences[0]",
        name = "Next",
        type_ = "string"
    ),
    printcolumn(json_path = ".status.lastFiredAt", name = "Last-Fired", type_ = "date"),
    printcolumn(
        json_path = ".status.missed",
        name = "Missed",
        type_ = "integer",
        priority = 1
    ),
    printcolumn(
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        name = "Ready",
        type_ = "string"
    ),
    printcolumn(
        json_path = ".metadata.creationTimestamp",
        name = "Age",
        type_ = "date"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.stackRef == oldSelf.stackRef").message("is immutable: delete the RecurringSchedule and make another").field_path(".stackRef"),
    validation = Rule::new("has(self.taskTemplate) || has(self.reminder) && has(self.reminder.message)").message("give spec.taskTemplate, or spec.reminder.message for reminders without a task")
)]
pub struct RecurringScheduleSpec {
    /// The stack that fires the reminders. Immutable.
    pub stack_ref: StackRef,
    /// When.
    pub schedule: ScheduleSpec,
    /// A task that each occurrence creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_template: Option<TaskTemplate>,
    /// The reminders of each occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder: Option<ReminderTemplate>,
    /// No new ReminderJobs while true; those that wait are held back.
    #[serde(default)]
    pub suspend: bool,
    /// A reminder later than this many seconds is `Missed`; absent: the stack's catch-up window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub starting_deadline_seconds: Option<i64>,
    /// What happens to occurrences that passed while nothing ran, the operator or the stack: `Skip` none is made up for, `Latest` the newest is, `All` at most 100 are. Always within `startingDeadlineSeconds`. Up to two minutes late is on time.
    #[serde(default)]
    pub catch_up: CatchUpPolicy,
    /// Each occurrence fires up to this many seconds after its time, by an amount that is always the same for it, so that many schedules of one time do not all fire at once. Its lateness counts from there.
    #[serde(default)]
    #[schemars(range(min = 0, max = 86_400))]
    pub jitter_seconds: i64,
    /// How many occurrences are made ahead.
    #[serde(default = "default_lookahead")]
    #[schemars(range(min = 1, max = 50))]
    pub lookahead: i32,
    /// Delivered ReminderJobs to keep.
    #[serde(default = "default_successful_history")]
    #[schemars(range(min = 0, max = 100))]
    pub successful_history_limit: i32,
    /// Failed and missed ReminderJobs to keep.
    #[serde(default = "default_failed_history")]
    #[schemars(range(min = 0, max = 100))]
    pub failed_history_limit: i32,
}

fn default_lookahead() -> i32 {
    3
}

fn default_successful_history() -> i32 {
    3
}

fn default_failed_history() -> i32 {
    3
}

/// A recurrence rule with its start and zone, or a cron expression with its zone.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.rrule) != has(self.cron)").message("give exactly one of spec.schedule.rrule and spec.schedule.cron"),
    validation = Rule::new("!has(self.rrule) || has(self.start)").message("spec.schedule.start is required with rrule: the local date-time of the first occurrence, such as 2026-01-31T09:00:00"),
    validation = Rule::new("!has(self.cron) || !has(self.start)").message("spec.schedule.start goes with rrule, not with cron"),
    validation = Rule::new("!has(self.rrule) || self.rrule.matches('^(RRULE:)?([A-Z]+=[^;]+;)*FREQ=(MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]+=[^;]+)*$')").message("must be an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=MO with FREQ one of MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY").field_path(".rrule"),
    validation = Rule::new("!has(self.rrule) || !self.rrule.contains('BYSECOND')").message("BYSECOND is refused: a schedule fires at most once a minute").field_path(".rrule"),
    validation = Rule::new("!has(self.cron) || self.cron.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|\\\\S+(\\\\s+\\\\S+){4})$')").message("must have five fields (minute hour day-of-month month day-of-week) or be @daily, @weekly, @monthly, @yearly or @hourly").field_path(".cron")
)]
pub struct ScheduleSpec {
    /// RFC 5545 rule, such as `FREQ=WEEKLY;BYDAY=MO`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub rrule: Option<String>,
    /// Local date-time of the first occurrence, such as `2026-01-31T09:00:00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"))]
    pub start: Option<String>,
    /// Cron expression with five fields, such as `0 9 * * 1-5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub cron: Option<String>,
    /// IANA zone, such as `Europe/Berlin`.
    #[serde(default = "default_zone")]
    #[schemars(
        length(max = 64),
        regex(pattern = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$")
    )]
    pub time_zone: String,
    /// Local dates or date-times left out (EXDATE).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 500),
        inner(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$"))
    )]
    pub exclude: Vec<String>,
    /// What a monthly rule on the 29th to 31st does in a shorter month.
    #[serde(default)]
    pub month_end: MonthEndPolicy,
}

fn default_zone() -> String {
    "UTC".into()
}

/// What a monthly rule does in a month that lacks its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MonthEndPolicy {
    /// Nothing (RFC 5545 §3.3.10).
    #[default]
    Skip,
    /// The month's last day.
    LastDay,
}

/// The reminders of an occurrence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReminderTemplate {
    /// Seconds before the occurrence, one reminder each; none: one at the time itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(range(min = 0, max = 31_536_000)))]
    pub before_seconds: Vec<i64>,
    /// What it says; absent: the task's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub message: Option<String>,
    /// Where it goes; none: the stack's default webhook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub channels: Vec<ChannelSpec>,
}

/// What the operator observed of a schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecurringScheduleStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The schedule in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The next five occurrences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_occurrences: Vec<DateTime<Utc>>,
    /// Every occurrence up to this one has its ReminderJobs; the next is made after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_until: Option<DateTime<Utc>>,
    /// When a reminder of this schedule last fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fired_at: Option<DateTime<Utc>>,
    /// How late that was, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_lateness_ms: Option<i64>,
    /// Occurrences missed so far.
    #[serde(default)]
    pub missed: i64,
    /// `Ready`: occurrences are made; false with a reason when they cannot be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
