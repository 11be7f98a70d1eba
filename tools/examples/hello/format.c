#include "calc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char* const symbols[calc_dimensions] = {"m", "kg", "s"};

struct writer {
  char* text;
  size_t size, used;
};

/* What doesn't fit is cut off. */
static void append(struct writer* w, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(w->text + w->used, w->size - w->used, format, arguments);
  va_end(arguments);
  if (length > 0)
    w->used = w->used + (size_t)length < w->size ? w->used + (size_t)length : w->size - 1;
}

/* Writes the units whose exponents have this sign, e.g. "kg m^2". Returns how many. */
static int append_units(struct writer* w, struct value value, int sign, const char* before) {
  int count = 0;
  for (int i = 0; i < calc_dimensions; i++) {
    int exponent = value.exponents[i] * sign;
    if (exponent <= 0)
      continue;
    append(w, "%s%s", count++ == 0 ? before : (sign > 0 ? " " : "/"), symbols[i]);
    if (exponent > 1)
      append(w, "^%d", exponent);
  }
  return count;
}

void format_value(struct value value, char* text, size_t size) {
  struct writer w = {text, size, 0};
  append(&w, "%.10g", value.number);
  const char* before = append_units(&w, value, 1, " ") > 0 ? "/" : " 1/";
  append_units(&w, value, -1, before);
}

bool calculate(const char* expression, char* text, size_t size) {
  static struct tree tree;
  struct problem problem = {""};
  struct value result = {0};
  if (parse(expression, &tree, &problem) && evaluate(&tree, &result, &problem)) {
    format_value(result, text, size);
    return true;
  }
  snprintf(text, size, "%s", problem.text);
  return false;
}
