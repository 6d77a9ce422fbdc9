//! Rules made to hurt, for the test and for the benchmark.

/// `NAME=low,…,high` without 0 where that is no value.
pub(crate) fn many(name: &str, low: i32, high: i32) -> String {
    let from_zero = low == 0;
    let values = (low..=high).filter(|n| *n != 0 || from_zero);
    let values: Vec<String> = values.map(|n| n.to_string()).collect();
    format!("{name}={}", values.join(","))
}

/// Impossible, sparse, dense and enormous ones.
pub(crate) fn rules() -> Vec<String> {
    let clock = format!(
        "{};{};{}",
        many("BYHOUR", 0, 23),
        many("BYMINUTE", 0, 59),
        many("BYSECOND", 0, 59)
    );
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30".to_owned(),
        "FREQ=MONTHLY;BYMONTH=4,6,9,11;BYMONTHDAY=31".into(),
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31".into(),
        "FREQ=YEARLY;BYYEARDAY=366;BYDAY=MO;BYMONTHDAY=1".into(),
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO".into(),
        "FREQ=YEARLY;BYDAY=53MO;BYMONTHDAY=15".into(),
        "FREQ=YEARLY;INTERVAL=4294967295".into(),
        "FREQ=MONTHLY;INTERVAL=4294967295;BYDAY=MO".into(),
        "FREQ=WEEKLY;INTERVAL=4294967295;BYDAY=MO,SU".into(),
        "FREQ=DAILY;INTERVAL=4294967295".into(),
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO,TU,WE,FR,SA,SU".into(),
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2".into(),
        "FREQ=WEEKLY;BYDAY=MO,TU;BYMONTH=2;BYSETPOS=3".into(),
        "FREQ=DAILY;BYHOUR=9;BYSETPOS=2".into(),
        "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=MO;BYMONTH=12;BYSETPOS=2".into(),
        format!("FREQ=YEARLY;{clock};{}", many("BYSETPOS", -90, 90)),
        format!("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{clock};BYSETPOS=366,-366"),
        "FREQ=SECONDLY".into(),
        "FREQ=SECONDLY;INTERVAL=4294967295".into(),
        "FREQ=SECONDLY;INTERVAL=4294967295;BYHOUR=3".into(),
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30".into(),
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU;BYHOUR=23;BYMINUTE=59;BYSECOND=59".into(),
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=0;BYSECOND=0".into(),
        "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=3".into(),
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1".into(),
        "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=3;BYMINUTE=0;BYMONTHDAY=31".into(),
        "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=3;BYMINUTE=1;COUNT=5000".into(),
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=0;COUNT=5000".into(),
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=1".into(),
        "FREQ=HOURLY;INTERVAL=25;BYYEARDAY=366;BYHOUR=1;BYSECOND=0;BYSETPOS=-2".into(),
        "FREQ=SECONDLY;BYSETPOS=2;BYHOUR=1".into(),
        "FREQ=SECONDLY;COUNT=5000".into(),
        "FREQ=DAILY;COUNT=5000;BYMONTH=2;BYMONTHDAY=29".into(),
        format!("FREQ=DAILY;{clock};COUNT=5000"),
    ]
    .into()
}
