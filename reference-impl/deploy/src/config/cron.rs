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
        let fits = field.split(',').all(|part| part_fits(part, low, high, words) || last_fits(part, name, words));
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

/// What the platform knows beside plain cron: the last day (`L`), the last weekday (`LW`), the weekday nearest to a day (`15W`), the last
/// Friday (`6L`, `FRIL`), and the second Monday (`2#2`, `MON#2`) of a month.
fn last_fits(part: &str, name: &str, words: &[&str]) -> bool {
    let part = part.to_ascii_uppercase();
    let within = |text: &str, low, high| text.parse::<u32>().is_ok_and(|number| (low..=high).contains(&number));
    let day = |text: &str| within(text, 1, 7) || words.contains(&text);
    match name {
        "day of the month" => {
            part == "L" || part == "LW" || part.strip_suffix('W').is_some_and(|number| within(number, 1, 31))
        }
        "day of the week" => {
            part.strip_suffix('L').is_some_and(day)
                || part.split_once('#').is_some_and(|(of, number)| day(of) && within(number, 1, 5))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn takes_times_and_refuses_what_is_none() {
        for good in [
            "* * * * *",
            "17 * * * *",
            "*/5 0-6 1,15 JAN-MAR MON-FRI",
            "0 0 31 12 7",
            "59 23 LW * *",
            "0 0 L,15W * *",
            "0 18 * * 6L",
            "0 18 * * friL,MON#2",
        ] {
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
            "L * * * *",
            "0 0 * L *",
            "0 0 32W * *",
            "0 0 * * 8L",
            "0 0 * * MON#6",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }
}
