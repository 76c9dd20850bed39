package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// write gives a value in the one form that it can have, so that equal texts mean equal values: JSON without spaces,
// keys sorted by their bytes, in strings only `"`, `\` and what is below U+0020 escaped (the latter as \u00xx),
// integers in decimal, also those that are floats here but integers for who reads what kubectl sends. All other floats
// are `float:` and their bits in hexadecimal, as two languages may print one float in two ways.
func write(value any) string {
	var text strings.Builder
	add(&text, value)
	return text.String()
}

func add(text *strings.Builder, value any) {
	switch value := value.(type) {
	case nil:
		text.WriteString("null")
	case bool:
		text.WriteString(strconv.FormatBool(value))
	case int64:
		text.WriteString(strconv.FormatInt(value, 10))
	case float64:
		addFloat(text, value)
	case string:
		addString(text, value)
	case []any:
		separator := byte('[')
		for _, item := range value {
			text.WriteByte(separator)
			add(text, item)
			separator = ','
		}
		if len(value) == 0 {
			text.WriteByte('[')
		}
		text.WriteByte(']')
	case map[string]any:
		addMap(text, value)
	default:
		panic(fmt.Sprintf("%T is no value of an unstructured object", value))
	}
}

func addMap(text *strings.Builder, value map[string]any) {
	keys := make([]string, 0, len(value))
	for key := range value {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	separator := byte('{')
	for _, key := range keys {
		text.WriteByte(separator)
		addString(text, key)
		text.WriteByte(':')
		add(text, value[key])
		separator = ','
	}
	if len(keys) == 0 {
		text.WriteByte('{')
	}
	text.WriteByte('}')
}

func addFloat(text *strings.Builder, value float64) {
	// Go prints large floats with zeros for the digits that they do not need.
	sent := strconv.FormatFloat(value, 'f', -1, 64)
	if integer, err := strconv.ParseInt(sent, 10, 64); err == nil {
		text.WriteString(strconv.FormatInt(integer, 10))
		return
	}
	if value == math.MinInt64 {
		text.WriteString(strconv.FormatInt(math.MinInt64, 10))
		return
	}
	fmt.Fprintf(text, "float:%016x", math.Float64bits(value))
}

func addString(text *strings.Builder, value string) {
	text.WriteByte('"')
	for _, char := range value {
		switch {
		case char == '"' || char == '\\':
			text.WriteByte('\\')
			text.WriteRune(char)
		case char < ' ':
			fmt.Fprintf(text, "\\u%04x", char)
		default:
			text.WriteRune(char)
		}
	}
	text.WriteByte('"')
}
