//! One field of a schedule: what may be written, and what it selects (contract 3.6).

/// A field's name space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    minimum: u8,
    maximum: u8,
    /// Whether names of days are understood, and 7 as Sunday.
    weekday: bool,
}

/// One of the comma-separated entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Every { step: u8 },
    From { start: u8, step: u8 },
    Range { start: u8, end: u8 },
    One(u8),
}

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Field {
    /// Minute, hour, day, month, weekday.
    pub(super) const ALL: [Self; 5] = [
        Self { minimum: 0, maximum: 59, weekday: false },
        Self { minimum: 0, maximum: 23, weekday: false },
        Self { minimum: 1, maximum: 31, weekday: false },
        Self { minimum: 1, maximum: 12, weekday: false },
        Self { minimum: 0, maximum: 6, weekday: true },
    ];

    pub(super) fn minimum(self) -> u32 {
        u32::from(self.minimum)
    }

    pub(super) fn width(self) -> u32 {
        u32::from(self.maximum - self.minimum) + 1
    }

    /// Whether the text may stand here; the error is the contract's cause.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        text.split(',').try_for_each(|entry| self.entry(entry).map(drop))
    }

    /// The values a checked text selects, ascending; none for a wildcard. A stepped `*` selects and is no wildcard:
    /// Kubernetes' cron does so too.
    pub(super) fn selected(self, text: &str) -> Option<Vec<u8>> {
        let mut selected = [false; 60];
        for entry in text.split(',') {
            match self.entry(entry) {
                Ok(Entry::Every { step: 1 }) | Err(_) => return None,
                Ok(Entry::Every { step }) => self.mark(&mut selected, self.minimum, self.maximum, step),
                Ok(Entry::From { start, step }) => self.mark(&mut selected, start, self.maximum, step),
                Ok(Entry::Range { start, end }) => self.mark(&mut selected, start, end, 1),
                Ok(Entry::One(value)) => self.mark(&mut selected, value, value, 1),
            }
        }
        Some((0_u8..).zip(selected).filter_map(|(value, marked)| marked.then_some(value)).collect())
    }

    fn mark(self, selected: &mut [bool; 60], start: u8, end: u8, step: u8) {
        for value in (start..=end).step_by(usize::from(step.max(1))) {
            let value = if self.weekday && value == 7 { 0 } else { value };
            if let Some(place) = selected.get_mut(usize::from(value)) {
                *place = true;
            }
        }
    }

    fn entry(self, entry: &str) -> Result<Entry, String> {
        let (base, step) = match entry.split_once('/') {
            Some((base, step)) => (base, Some(step)),
            None => (entry, None),
        };
        if step.is_some() && base.contains('-') {
            return Err("Step syntax is not supported with ranges".to_owned());
        }
        if let Some((start, end)) = base.split_once('-') {
            return self.range(entry, start, end);
        }
        let start = if base == "*" { None } else { Some(self.single(entry, base)?) };
        let step = step.map(|text| self.step(entry, text)).transpose()?;
        Ok(match (start, step) {
            (None, step) => Entry::Every { step: step.unwrap_or(1) },
            (Some(start), Some(step)) => Entry::From { start, step },
            (Some(value), None) => Entry::One(value),
        })
    }

    fn range(self, entry: &str, start: &str, end: &str) -> Result<Entry, String> {
        let (start, end) = (self.number(entry, start)?, self.number(entry, end)?);
        let (minimum, maximum) = (i64::from(self.minimum), self.largest());
        if start > end {
            return Err(format!("End value {end} must be smaller than start value {start}"));
        }
        if start < minimum {
            return Err(format!("Start value {start} must be at least {minimum}"));
        }
        if end > maximum {
            return Err(format!("End value {end} must be at most {maximum}"));
        }
        match (u8::try_from(start), u8::try_from(end)) {
            (Ok(start), Ok(end)) => Ok(Entry::Range { start, end }),
            _ => Err(format!("End value {end} must be at most {maximum}")),
        }
    }

    fn single(self, entry: &str, text: &str) -> Result<u8, String> {
        let value = self.number(entry, text)?;
        let (minimum, maximum) = (i64::from(self.minimum), self.largest());
        u8::try_from(value)
            .ok()
            .filter(|_| (minimum..=maximum).contains(&value))
            .ok_or_else(|| format!("Invalid value '{text:.40}', expected {minimum}-{maximum}"))
    }

    fn step(self, entry: &str, text: &str) -> Result<u8, String> {
        let value = integer(entry, text)?;
        let allowed = i64::from(self.minimum.max(1))..=i64::from(self.maximum);
        u8::try_from(value)
            .ok()
            .filter(|_| allowed.contains(&value))
            .ok_or_else(|| format!("Invalid step value in '{entry:.40}'"))
    }

    /// A number, or the name of a day.
    fn number(self, entry: &str, text: &str) -> Result<i64, String> {
        if self.weekday
            && let Some(day) = (0_i64..).zip(DAYS).find_map(|(day, name)| (name == text).then_some(day))
        {
            return Ok(day);
        }
        integer(entry, text)
    }

    /// 7 is Sunday again.
    fn largest(self) -> i64 {
        i64::from(self.maximum) + i64::from(self.weekday)
    }
}

/// An integer; what is wrong with it tells the entry it was part of.
fn integer(entry: &str, text: &str) -> Result<i64, String> {
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(value) if digits => Ok(value),
        _ if text == entry => Err(format!("Unable to parse '{text:.40}' as an integer")),
        _ => Err(format!("Unable to parse '{text:.40}' (from '{entry:.40}') as an integer")),
    }
}
