//! Quantities, as Kubernetes writes them (`resource.Quantity`): `500m`, `10Gi`, `1e3`.
//!
//! In: a value of a manifest. Out: a number to compare by. What differs by less than a number of 53 bits tells is the same.

use crate::canon::Value;

/// The number that a quantity stands for, storage in bytes; none where it is no quantity.
#[must_use]
pub fn quantity(value: Option<&Value>) -> Option<f64> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Int(number) => number.to_string(),
        _ => return None,
    };
    let split =
        text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == '-')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        exponent => 10_f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_ten_and_of_two_are_known() {
        let of = |text: &str| quantity(Some(&Value::String(text.to_owned())));
        assert_eq!([of("10Gi"), of("10240Mi")], [Some(10.0 * 1024.0 * 1024.0 * 1024.0); 2]);
        assert_eq!([of("1k"), of("1e3"), of(" 1000 "), of("1E3")], [Some(1000.0); 4]);
        assert_eq!(of("500m"), Some(0.5));
        assert_eq!([of("much"), of("1Xi"), of(""), quantity(None)], [None; 4]);
        assert_eq!(quantity(Some(&Value::Int(3))), Some(3.0));
    }
}
