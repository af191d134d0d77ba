//! Times of schedules, as the platform takes them: five fields of cron, in UTC.

const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    ("day of the week", 1, 7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
];

/// What is wrong with `text`, if anything.
pub(super) fn fault(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Some(format!("expected five fields, found {}", fields.len()));
    }
    fields.iter().zip(FIELDS).find_map(|(field, (name, low, high, words))| {
        let fits = field.split(',').all(|part| part_fits(part, low, high, words));
        (!fits)
            .then(|| format!("expected a {name} from {low} to {high}, `*`, a range, a list or a step, found `{field}`"))
    })
}

fn part_fits(part: &str, low: u32, high: u32, words: &[&str]) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    if step.is_some_and(|step| step.parse::<u32>().is_err() || step == "0") {
        return false;
    }
    let one = |text: &str| {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match word {
            Some(at) => u32::try_from(at).ok().map(|at| at + low),
            None => text.parse().ok(),
        };
        number.filter(|number| (low..=high).contains(number))
    };
    if range == "*" {
        return true;
    }
    match range.split_once('-') {
        Some((from, to)) => matches!((one(from), one(to)), (Some(from), Some(to)) if from <= to),
        None => one(range).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn takes_times_and_refuses_what_is_none() {
        for good in ["* * * * *", "17 * * * *", "*/5 0-6 1,15 JAN-MAR MON-FRI", "0 0 31 12 7"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "* * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }
}
