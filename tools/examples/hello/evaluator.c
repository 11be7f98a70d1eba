#include "calc.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool problem_set(struct problem* problem, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(problem->text, sizeof problem->text, format, arguments);
  va_end(arguments);
  return false;
}

enum { exponent_max = 9 };

/* Adds `sign` times the exponents of `b` to those of `a`. */
static bool combine(struct value* a, struct value b, int sign, struct problem* problem) {
  for (int i = 0; i < calc_dimensions; i++) {
    int exponent = a->exponents[i] + sign * b.exponents[i];
    if (abs(exponent) > exponent_max)
      return problem_set(problem, "a unit is raised above the power of %d", (int)exponent_max);
    a->exponents[i] = (signed char)exponent;
  }
  return true;
}

static bool same_dimensions(struct value a, struct value b) {
  return memcmp(a.exponents, b.exponents, sizeof a.exponents) == 0;
}

static bool power(struct value* base, struct value exponent, struct problem* problem) {
  static const struct value plain;
  if (!same_dimensions(exponent, plain))
    return problem_set(problem, "an exponent can't have a unit");
  if (!same_dimensions(*base, plain)) {
    if (exponent.number != floor(exponent.number) || fabs(exponent.number) > exponent_max)
      return problem_set(problem, "a unit can only be raised to a whole number up to %d", (int)exponent_max);
    struct value factor = *base;
    memset(base->exponents, 0, sizeof base->exponents);
    for (int i = 0; i < (int)fabs(exponent.number); i++)
      if (!combine(base, factor, exponent.number < 0 ? -1 : 1, problem))
        return false;
  }
  base->number = pow(base->number, exponent.number);
  return true;
}

static bool evaluate_node(const struct tree* tree, int position, struct value* result, struct problem* problem);

static bool evaluate_pair(const struct tree* tree, const struct node* node, struct value* left,
                          struct problem* problem) {
  struct value right = {0};
  if (!evaluate_node(tree, node->left, left, problem) || !evaluate_node(tree, node->right, &right, problem))
    return false;
  switch (node->kind) {
    case node_multiply: left->number *= right.number; return combine(left, right, 1, problem);
    case node_divide:
      if (right.number == 0)
        return problem_set(problem, "division by zero");
      left->number /= right.number;
      return combine(left, right, -1, problem);
    case node_power: return power(left, right, problem);
    default:
      if (!same_dimensions(*left, right))
        return problem_set(problem, "only values of the same unit can be added");
      left->number += node->kind == node_add ? right.number : -right.number;
      return true;
  }
}

static bool evaluate_node(const struct tree* tree, int position, struct value* result, struct problem* problem) {
  const struct node* node = &tree->nodes[position];
  switch (node->kind) {
    case node_number: *result = (struct value){.number = node->number}; return true;
    case node_unit:
      return unit_find(node->name, node->name_length, result)
             || problem_set(problem, "'%.*s' is not a unit", (int)node->name_length, node->name);
    case node_negate:
      if (!evaluate_node(tree, node->left, result, problem))
        return false;
      result->number = -result->number;
      return true;
    default: return evaluate_pair(tree, node, result, problem);
  }
}

bool evaluate(const struct tree* tree, struct value* result, struct problem* problem) {
  if (!evaluate_node(tree, tree->root, result, problem))
    return false;
  return isfinite(result->number) || problem_set(problem, "the result is too large");
}
