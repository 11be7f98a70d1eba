#include "calc.h"
#include "config.h"

#include <stdio.h>
#include <string.h>

/* calc EXPRESSION: prints the result. Without an argument: one expression per line of the input. */

static bool answer(const char* expression) {
  char text[200];
  bool good = calculate(expression, text, sizeof text);
  fprintf(good ? stdout : stderr, good ? "%s\n" : "calc: %s\n", text);
  return good;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    printf("calc %s, built with %s, %zu units\n", CALC_VERSION, CALC_COMPILER, unit_count());
    return 0;
  }
  if (argc > 1) {
    int failures = 0;
    for (int i = 1; i < argc; i++)
      failures += !answer(argv[i]);
    return failures > 0;
  }
  char line[1000];
  bool good = true;
  while (fgets(line, sizeof line, stdin) != NULL)
    good = answer(line) && good;
  return !good;
}
