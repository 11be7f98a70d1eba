#include "calc.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *expression, *expected;
} cases[] = {
  {"1 + 2 * 3", "7"},
  {"(1 + 2) * 3", "9"},
  {"2 ^ 3 ^ 2", "512"},
  {"-2 ^ 2", "-4"},
  {"10 - 4 - 3", "3"},
  {"1e3 / 8", "125"},
  {"3 km / 20 min", "2.5 m/s"},
  {"1 mile + 1 m", "1610.344 m"},
  {"(3 m) ^ 2", "9 m^2"},
  {"2 kg * 3 m / 1 s^2", "6 m kg/s^2"},
  {"1 kWh / 1 h", "1000 m^2 kg/s^3"},
  {"4 / 2 s", "2 1/s"},
  {"1 kg / 1 kg", "1"},
  {"", "the expression ends too early"},
  {"1 +", "the expression ends too early"},
  {"(1 + 2", "a ')' is missing"},
  {"1 ? 2", "'?' is not expected here"},
  {"1 / 0", "division by zero"},
  {"1 m + 1 s", "only values of the same unit can be added"},
  {"3 parsecs", "'parsecs' is not a unit"},
  {"2 ^ (1 m)", "an exponent can't have a unit"},
  {"m ^ 0.5", "a unit can only be raised to a whole number up to 9"},
  {"10 ^ 400", "the result is too large"},
};

int main(void) {
  int passed = 0, failed = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[200];
    calculate(cases[i].expression, text, sizeof text);
    bool good = strcmp(text, cases[i].expected) == 0;
    printf("%s %zu - %s\n", good ? "ok" : "not ok", i + 1, cases[i].expression);
    if (!good)
      printf("# expected '%s' and got '%s'\n", cases[i].expected, text);
    good ? passed++ : failed++;
  }
  printf("# %d passed, %d failed\n", passed, failed);
  return failed > 0;
}
