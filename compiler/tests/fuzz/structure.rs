//! Changes of bytes in our canonical encoding that leave it canonical, so that what lies behind the encoding is reached.
//!
//! In: encoded seeds. Out: the encoding of one of them with a few items left out, doubled, moved, replaced by others or
//! by telling ones. Items that hold an encoding of their own (a baseline holds an entry and an outline) are opened too.

use gitops_compiler::canon::Encoder;
use gitops_testdata::random::SplitMix64;

/// An item, by its major type.
#[derive(Clone, Debug)]
enum Item {
    Unsigned(u64),
    Negative(u64),
    Bytes(Vec<u8>),
    /// Bytes that are an item themselves.
    Inner(Box<Self>),
    Text(Vec<u8>),
    List(Vec<Self>),
    /// Keys and values in turn.
    Map(Vec<Self>),
    /// One byte, or a float.
    Simple(Vec<u8>),
}

/// Changes one of the seeds; some of the time in ways that know nothing of all this.
pub(crate) fn mutate(seeds: &[Vec<u8>], random: &mut SplitMix64) -> Vec<u8> {
    if random.below(4) == 0 {
        return gitops_testdata::fuzz::mutate(seeds, random);
    }
    let chosen = |random: &mut SplitMix64| parse(&seeds[random.below(seeds.len())]);
    let (Some(mut item), Some(other)) = (chosen(random), chosen(random)) else {
        return gitops_testdata::fuzz::mutate(seeds, random);
    };
    for _ in 0..=random.below(3) {
        change(&mut item, &other, random);
    }
    let mut bytes = Vec::new();
    write(&item, &mut bytes);
    bytes
}

fn parse(bytes: &[u8]) -> Option<Item> {
    let mut rest = bytes;
    let item = read(&mut rest)?;
    rest.is_empty().then_some(item)
}

fn read(rest: &mut &[u8]) -> Option<Item> {
    let (initial, after) = rest.split_first()?;
    let width = match initial & 0x1f {
        0..24 => 0,
        short @ 24..28 => 1 << (short - 24),
        _ => return None,
    };
    let (argument, after) = after.split_at_checked(width)?;
    if initial >> 5 == 7 {
        let item = Item::Simple(rest[..=width].to_vec());
        *rest = after;
        return Some(item);
    }
    let number = argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let number = if width == 0 { u64::from(initial & 0x1f) } else { number };
    *rest = after;
    let mut taken = || {
        let (taken, after) = rest.split_at_checked(usize::try_from(number).ok()?)?;
        *rest = after;
        Some(taken.to_vec())
    };
    Some(match initial >> 5 {
        0 => Item::Unsigned(number),
        1 => Item::Negative(number),
        2 => {
            let bytes = taken()?;
            match parse(&bytes) {
                Some(inner @ Item::List(_)) => Item::Inner(Box::new(inner)),
                _ => Item::Bytes(bytes),
            }
        }
        3 => Item::Text(taken()?),
        4 => Item::List((0..number).map(|_| read(rest)).collect::<Option<_>>()?),
        5 => Item::Map((0..2 * number).map(|_| read(rest)).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn write(item: &Item, bytes: &mut Vec<u8>) {
    match item {
        Item::Unsigned(number) => head(0, *number, bytes),
        Item::Negative(number) => head(1, *number, bytes),
        Item::Bytes(held) => {
            head(2, held.len() as u64, bytes);
            bytes.extend(held);
        }
        Item::Inner(inner) => {
            let mut held = Vec::new();
            write(inner, &mut held);
            write(&Item::Bytes(held), bytes);
        }
        Item::Text(text) => {
            head(3, text.len() as u64, bytes);
            bytes.extend(text);
        }
        Item::List(items) => {
            head(4, items.len() as u64, bytes);
            for item in items {
                write(item, bytes);
            }
        }
        Item::Map(items) => {
            head(5, items.len() as u64 / 2, bytes);
            for item in items {
                write(item, bytes);
            }
        }
        Item::Simple(spelled) => bytes.extend(spelled),
    }
}

/// The encoder's own, with another major type.
fn head(major: u8, number: u64, bytes: &mut Vec<u8>) {
    let mut encoder = Encoder::new();
    encoder.unsigned(number);
    let from = bytes.len();
    bytes.extend(encoder.finish());
    bytes[from] |= major << 5;
}

/// Changes something in an item: itself, or with luck something deep inside.
fn change(item: &mut Item, other: &Item, random: &mut SplitMix64) {
    if random.below(8) == 0 {
        *item = if random.below(2) == 0 { telling(random) } else { anywhere(other, random).clone() };
        return;
    }
    match item {
        Item::Unsigned(number) | Item::Negative(number) => {
            *number = [number.wrapping_add(1), number.wrapping_sub(1), 0, u64::MAX][random.below(4)];
        }
        Item::Text(bytes) | Item::Bytes(bytes) => match random.below(3) {
            0 => drop(bytes.pop()),
            1 => bytes.push(b'a'),
            _ => {
                let at = random.below(bytes.len());
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
            }
        },
        Item::Inner(inner) => change(inner, other, random),
        Item::List(items) | Item::Map(items) if !items.is_empty() => {
            let (at, to) = (random.below(items.len()), random.below(items.len()));
            match random.below(8) {
                0 => drop(items.remove(at)),
                1 => items.insert(to, items[at].clone()),
                2 => items.swap(at, to),
                _ => change(&mut items[at], other, random),
            }
        }
        Item::List(_) | Item::Map(_) | Item::Simple(_) => *item = telling(random),
    }
}

/// An item somewhere in another.
fn anywhere<'a>(item: &'a Item, random: &mut SplitMix64) -> &'a Item {
    match item {
        Item::List(items) | Item::Map(items) if !items.is_empty() && random.below(6) > 0 => {
            anywhere(&items[random.below(items.len())], random)
        }
        Item::Inner(inner) if random.below(6) > 0 => anywhere(inner, random),
        item => item,
    }
}

fn telling(random: &mut SplitMix64) -> Item {
    match random.below(9) {
        0 => Item::Unsigned(0),
        1 => Item::Unsigned(u64::MAX),
        2 => Item::Negative(0),
        3 => Item::Text(Vec::new()),
        4 => Item::Bytes(vec![0; 32]),
        5 => Item::List(Vec::new()),
        6 => Item::Map(Vec::new()),
        7 => Item::Simple(vec![0xf6]),
        _ => Item::Text(b"apiVersion".to_vec()),
    }
}

#[test]
fn an_encoding_comes_back() {
    for bytes in [
        &b"\x83\x01\x20\x43\x81\x18\x18"[..],
        b"\xa1\x61a\xf9\x3c\x00",
        b"\x98\x18aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let item = parse(bytes).expect("an item");
        let mut written = Vec::new();
        write(&item, &mut written);
        assert_eq!(written, bytes, "{item:?}");
    }
}
