#include "calc.h"
#include "units_table.h"

#include <string.h>

/* units_table.h is generated from units.txt: UNITS is one UNIT(...) per unit. */
static const struct {
  const char* name;
  struct value value;
} units[] = {
#define UNIT(name, factor, metre, kilogram, second) {name, {factor, {metre, kilogram, second}}},
  UNITS
#undef UNIT
};

size_t unit_count(void) {
  return sizeof units / sizeof *units;
}

bool unit_find(const char* name, size_t length, struct value* unit) {
  for (size_t i = 0; i < unit_count(); i++) {
    if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0) {
      *unit = units[i].value;
      return true;
    }
  }
  return false;
}
