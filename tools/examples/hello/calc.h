/* calc: a calculator that knows units. "3 km / 20 min" is 2.5 m/s. */
#ifndef CALC_H
#define CALC_H

#include <stdbool.h>
#include <stddef.h>

/* A number with the exponents of metre, kilogram and second. */
enum { calc_dimensions = 3 };
struct value {
  double number;
  signed char exponents[calc_dimensions];
};

/* The first problem of an expression, as a sentence. Empty while all is well. */
struct problem {
  char text[120];
};
bool problem_set(struct problem* problem, const char* format, ...);

/* lexer.c: text to tokens. */
enum token_kind { token_end, token_number, token_name, token_operator, token_bad };
struct token {
  enum token_kind kind;
  const char* text;
  size_t length;
  double number;
};
struct token lexer_next(const char** cursor);

/* parser.c: tokens to a tree. Nodes live in the tree's array and name each other by position. */
enum { tree_nodes_max = 200 };
enum node_kind { node_number, node_unit, node_negate, node_add, node_subtract, node_multiply, node_divide, node_power };
struct node {
  enum node_kind kind;
  int left, right;
  double number;
  const char* name;
  size_t name_length;
};
struct tree {
  struct node nodes[tree_nodes_max];
  int count;
  int root;
};
bool parse(const char* text, struct tree* tree, struct problem* problem);

/* units.c: the table of units, generated from units.txt. */
bool unit_find(const char* name, size_t length, struct value* unit);
size_t unit_count(void);

/* evaluator.c: a tree to a value. */
bool evaluate(const struct tree* tree, struct value* result, struct problem* problem);

/* format.c: a value to text such as "2.5 m/s". */
void format_value(struct value value, char* text, size_t size);

/* All of the above. Writes the result, or the problem, to `text`. */
bool calculate(const char* expression, char* text, size_t size);

#endif
