//! What a definition asks of values beyond their types: formats, combinations, bounds, names; each right and wrong.

use super::cases::{Case, object};

/// What is wrong.
const INVALID: &str = "invalid-value";
const REPEATED: &str = "repeated-item";
const GOOD: &str = "";

/// The fields of a kind whose values have conditions.
const CONDITIONS: &str = "
              either: {type: object, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string}, b: {type: string}}}
              some: {type: object, anyOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string}, b: {type: string}}}
              all: {type: integer, allOf: [{minimum: 2}, {maximum: 4}]}
              none: {type: string, not: {enum: [x]}}
              nested: {type: object, properties: {list: {type: array, items: {type: integer}}}, allOf: [{properties: {list: {items: {minimum: 2}}}}]}
              percent: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: '^[0-9]+%$'}
              defaulted: {type: object, minProperties: 2, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string, default: x}, b: {type: string}, c: {type: string}}}
              address: {type: string, anyOf: [{format: ipv4}, {format: ipv6}]}
              small: {type: integer, format: int32}
              large: {type: integer, format: int64}
              single: {type: number, format: float}
              other: {type: string, format: anything}
              tenth: {type: number, multipleOf: 0.1}
              even: {type: integer, multipleOf: 2}
              half: {type: number, minimum: 5.5}
              open: {type: number, minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: true}
              few: {type: array, minItems: 1, maxItems: 2, items: {type: string, minLength: 1, maxLength: 3}}
              fields: {type: object, minProperties: 1, maxProperties: 2, additionalProperties: {type: integer, maximum: 9}}
              set: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              choice: {type: string, nullable: true, enum: [a, b]}
              number: {type: number, enum: [5, 7.5]}
              whole: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}";

/// A format, values that are of it, and some that are not.
type Format = (&'static str, &'static [&'static str], &'static [&'static str]);

const FORMATS: [Format; 26] = [
    ("bsonobjectid", &["507f1f77bcf86cd799439011"], &["507f1f77bcf86cd79943901"]),
    ("byte", &["YQ==", "YWJj"], &["", "YQ=", "_-8="]),
    ("cidr", &["10.0.0.0/8", "010.0.0.0/8", "fd00::/8"], &["10.0.0.0", "10.0.0.0/33", "fd00::/129"]),
    ("creditcard", &["4111 1111 1111 1111", "30569309025904"], &["4111 1111 1111 1112", ""]),
    ("date", &["2024-02-29"], &["2023-02-29", "2024-2-29", ""]),
    (
        "date-time",
        &["2024-01-01T00:00:00Z", "2024-01-01t23:59:59.5+01:00", "2024-01-01T00:00:00x5Z"],
        &["2024-01-01", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00"],
    ),
    ("duration", &["1h30m", "22 ns", "5 minutes", "a 1s b", "1.5h"], &["", "1", "1 x"]),
    ("email", &["a@b", "a.b+c@d.example"], &["a", ""]),
    ("hexcolor", &["#fff", "00FF00"], &["#ffff", "red"]),
    (
        "hostname",
        &["a", "a-b", "web1", "a.example", "a-1.b-2.example"],
        &["", "web-1", "-a", "a.b1", "a_b", "a..example"],
    ),
    ("ipv4", &["10.0.0.1", "010.0.0.1", "::ffff:1.2.3.4"], &["10.0.0", "10.0.0.256", "::1"]),
    ("ipv6", &["::", "fd00::1", "::ffff:1.2.3.4"], &["10.0.0.1", ":::", "g::"]),
    ("isbn", &["0-321-75104-3", "978-0321751041"], &["0321751044"]),
    ("isbn10", &["080442957X"], &["9780321751041"]),
    ("isbn13", &["9780321751041"], &["080442957X"]),
    ("k8s-long-name", &["a", "a.b-1"], &["", "a..b", "A"]),
    ("k8s-short-name", &["a", "web-1"], &["", "a.b", "-a"]),
    ("mac", &["00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301"], &["00:00:5e:00:53", "00:00-5e:00:53:01"]),
    ("password", &["", "x"], &[]),
    ("rgbcolor", &["rgb(0, 10 ,255)"], &["rgb(0,0)", "rgb(256,0,0)", "rgb(00,0,0)"]),
    ("ssn", &["123-45-6789"], &["123456789", "123-45-678"]),
    ("uri", &["https://a.example:8080/x%20y?z=%", "/a", "mailto:a", "*"], &["", "a", "a/b", "/%zz"]),
    (
        "uuid",
        &["00000000-0000-0000-0000-000000000000", "0000000000000000000000000000ABCD"],
        &["0", "00000000-0000-0000-0000-00000000000g"],
    ),
    ("uuid3", &["00000000-0000-3000-0000-000000000000"], &["00000000-0000-4000-a000-000000000000"]),
    ("uuid4", &["00000000-0000-4000-a000-000000000000"], &["00000000-0000-4000-c000-000000000000"]),
    ("uuid5", &["00000000-0000-5000-B000-000000000000"], &["00000000-0000-4000-a000-000000000000"]),
];

/// The definitions of both kinds.
pub(crate) fn definitions() -> String {
    let formats = FORMATS.map(|(name, ..)| format!("\n              {name}: {{type: string, format: {name}}}"));
    format!("{}{}", definition("Conditional", CONDITIONS), definition("Formatted", &formats.concat()))
}

/// A kind whose spec has these fields, and whose names have no more than twelve characters.
fn definition(kind: &str, fields: &str) -> String {
    let plural = format!("{}s", kind.to_lowercase());
    format!(
        "---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.GROUP}}
spec:
  group: GROUP
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          metadata: {{type: object, properties: {{name: {{type: string, maxLength: 12}}}}}}
          spec:
            type: object
            properties:{fields}
"
    )
}

pub(crate) fn all() -> Vec<Case> {
    let formatted = FORMATS.iter().flat_map(|(name, good, bad)| {
        let case = move |lint: &'static str, value: &str| {
            (lint, object("GROUP/v1", "Formatted", &format!("spec: {{{name}: {value:?}}}")))
        };
        good.iter().map(move |value| case(GOOD, value)).chain(bad.iter().map(move |value| case(INVALID, value)))
    });
    conditional().into_iter().chain(formatted).collect()
}

fn conditional() -> Vec<Case> {
    let cases = [
        (GOOD, "either: {a: x}, some: {a: x, b: z}, all: 3, none: z, nested: {list: [2, 3]}, percent: 5%"),
        (GOOD, "percent: 5, defaulted: {c: x}, small: 2147483647, single: 1.5, tenth: 0.3, even: 4, open: 1.5"),
        (
            GOOD,
            "large: 9223372036854775807, other: x, set: [a, b], choice: a, number: 7.5, address: '::1', few: [a, äöü]",
        ),
        // Whole numbers are compared with whole parts, and numbers with a list without their fraction.
        (GOOD, "half: 5, number: 5.5, fields: {a: 1, b: 9}"),
        (GOOD, "whole: {apiVersion: v1, kind: X, metadata: {name: a, labels: {a: b}}}"),
        (INVALID, "either: {}"),
        (INVALID, "either: {a: x, b: z}"),
        (INVALID, "some: {}"),
        (INVALID, "all: 1"),
        (INVALID, "all: 5"),
        (INVALID, "none: x"),
        (INVALID, "nested: {list: [2, 1]}"),
        (INVALID, "percent: five"),
        (INVALID, "defaulted: {}"),
        (INVALID, "defaulted: {b: x}"),
        (INVALID, "address: x"),
        (INVALID, "small: 2147483648"),
        (INVALID, "single: 1.5e+39"),
        (INVALID, "tenth: 0.35"),
        (INVALID, "even: 3"),
        (INVALID, "half: 5.4"),
        (INVALID, "half: 4"),
        (INVALID, "open: 1"),
        (INVALID, "open: 2.0"),
        (INVALID, "few: []"),
        (INVALID, "few: [a, b, c]"),
        (INVALID, "few: ['']"),
        (INVALID, "few: [abcd]"),
        (INVALID, "fields: {}"),
        (INVALID, "fields: {a: 1, b: 2, c: 3}"),
        (INVALID, "fields: {a: 10}"),
        (INVALID, "choice: c"),
        (INVALID, "choice: null"),
        (INVALID, "number: 6"),
        (INVALID, "whole: {apiVersion: '', kind: X}"),
        (INVALID, "whole: {apiVersion: v1, kind: ''}"),
        (REPEATED, "set: [a, b, a]"),
    ];
    let thing = |fields: &str| object("GROUP/v1", "Conditional", &format!("spec: {{{fields}}}"));
    let mut all: Vec<Case> = cases.map(|(lint, fields)| (lint, thing(fields))).into();
    all.push((INVALID, thing("all: 3").replace("name: NAME", "name: NAME-is-too-long")));
    all
}
