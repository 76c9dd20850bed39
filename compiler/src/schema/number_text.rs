//! Numbers with check digits, which some formats of schemas are.

/// 13 to 19 digits as card issuers have them, whatever stands between, and their sum by Luhn.
pub(super) fn is_credit_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    let number = |width: usize| digits.iter().take(width).fold(0, |number, digit| number * 10 + digit);
    let issued = match digits.len() {
        13 => digits[0] == 4,
        14 => (300..=305).contains(&number(3)) || matches!(number(2), 36 | 38),
        15 => matches!(number(2), 34 | 37) || matches!(number(4), 1800 | 2131),
        16 => {
            digits[0] == 4 || (51..=55).contains(&number(2)) || number(4) == 6011 || number(2) == 65 || number(2) == 35
        }
        _ => false,
    };
    let doubled = |(place, digit): (usize, &u32)| match digit * 2 {
        _ if place % 2 == 0 => *digit,
        twice if twice > 9 => twice - 9,
        twice => twice,
    };
    issued && digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// The digits of an ISBN, without spaces and dashes.
fn isbn(text: &str) -> Vec<char> {
    text.chars().filter(|letter| !letter.is_ascii_whitespace() && *letter != '-').collect()
}

/// The weighted sum of ten digits, of which the last may be an X, is a multiple of eleven.
pub(super) fn is_isbn10(text: &str) -> bool {
    let letters = isbn(text);
    let digit = |(index, letter): (usize, &char)| match letter {
        'X' if index == 9 => Some(10),
        letter => letter.to_digit(10),
    };
    let digits: Option<Vec<u32>> = letters.iter().enumerate().map(digit).collect();
    let sum = |digits: Vec<u32>| (1..).zip(digits).map(|(weight, digit)| weight * digit).sum::<u32>();
    letters.len() == 10 && digits.is_some_and(|digits| sum(digits) % 11 == 0)
}

/// Thirteen digits, weighted by one and three in turn, are a multiple of ten.
pub(super) fn is_isbn13(text: &str) -> bool {
    let letters = isbn(text);
    let digits: Option<Vec<u32>> = letters.iter().map(|letter| letter.to_digit(10)).collect();
    let sum =
        |digits: Vec<u32>| digits.iter().zip([1, 3].iter().cycle()).map(|(digit, weight)| digit * weight).sum::<u32>();
    letters.len() == 13 && digits.is_some_and(|digits| sum(digits) % 10 == 0)
}

/// Three, two and four digits with one separator each, so that there are eleven letters.
pub(super) fn is_social_security_number(text: &str) -> bool {
    let is_letter = |(index, byte): (usize, u8)| match index {
        3 | 6 => matches!(byte, b'-' | b' '),
        _ => byte.is_ascii_digit(),
    };
    text.len() == 11 && text.bytes().enumerate().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_count() {
        assert!(
            is_credit_card("4111 1111 1111 1111")
                && is_credit_card("3530111333300000")
                && is_credit_card("30569309025904")
        );
        assert!(!is_credit_card("4111 1111 1111 1112") && !is_credit_card("9111111111111111") && !is_credit_card(""));
        assert!(
            is_isbn10("0-321-75104-3")
                && is_isbn10("080442957X")
                && !is_isbn10("0321751044")
                && !is_isbn10("X321751043")
        );
        assert!(is_isbn13("978-0321751041") && !is_isbn13("9780321751042") && !is_isbn13("978032175104X"));
        assert!(is_social_security_number("123-45-6789") && !is_social_security_number("123456789"));
    }
}
