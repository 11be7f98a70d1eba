#include "calc.h"

/* sum := product (('+' | '-') product)*
 * product := quantity (('*' | '/') quantity)*
 * quantity := factor+                      side by side multiplies and binds tighter: "3 km / 20 min"
 * factor := '-' factor | primary ('^' factor)?
 * primary := number | unit | '(' sum ')' */

enum { depth_max = 100 };

struct parser {
  const char* cursor;
  struct token token;
  struct tree* tree;
  struct problem* problem;
  int depth;
};

static int parse_sum(struct parser* p);

static void advance(struct parser* p) {
  p->token = lexer_next(&p->cursor);
}

static bool at(const struct parser* p, char operator) {
  return p->token.kind == token_operator && *p->token.text == operator;
}

/* Returns the position of the new node, or -1. A child of -1 means that a problem was set before. */
static int add(struct parser* p, struct node node) {
  if (node.left < 0 || node.right < 0)
    return -1;
  if (p->tree->count == tree_nodes_max) {
    problem_set(p->problem, "the expression has more than %d parts", (int)tree_nodes_max);
    return -1;
  }
  p->tree->nodes[p->tree->count] = node;
  return p->tree->count++;
}

static int parse_primary(struct parser* p) {
  struct token token = p->token;
  if (at(p, '(')) {
    advance(p);
    int inner = parse_sum(p);
    if (inner >= 0 && !at(p, ')')) {
      problem_set(p->problem, "a ')' is missing");
      return -1;
    }
    advance(p);
    return inner;
  }
  if (token.kind == token_number) {
    advance(p);
    return add(p, (struct node){.kind = node_number, .number = token.number});
  }
  if (token.kind == token_name) {
    advance(p);
    return add(p, (struct node){.kind = node_unit, .name = token.text, .name_length = token.length});
  }
  if (token.kind == token_end)
    problem_set(p->problem, "the expression ends too early");
  else
    problem_set(p->problem, "'%.*s' is not expected here", (int)token.length, token.text);
  return -1;
}

static int parse_factor(struct parser* p) {
  if (p->depth == depth_max) {
    problem_set(p->problem, "the expression is nested too deeply");
    return -1;
  }
  p->depth++;
  int result;
  if (at(p, '-')) {
    advance(p);
    result = add(p, (struct node){.kind = node_negate, .left = parse_factor(p)});
  } else {
    result = parse_primary(p);
    if (result >= 0 && at(p, '^')) {
      advance(p);
      result = add(p, (struct node){.kind = node_power, .left = result, .right = parse_factor(p)});
    }
  }
  p->depth--;
  return result;
}

static int parse_quantity(struct parser* p) {
  int left = parse_factor(p);
  while (left >= 0 && (p->token.kind == token_number || p->token.kind == token_name || at(p, '(')))
    left = add(p, (struct node){.kind = node_multiply, .left = left, .right = parse_factor(p)});
  return left;
}

static int parse_product(struct parser* p) {
  int left = parse_quantity(p);
  while (left >= 0 && (at(p, '*') || at(p, '/'))) {
    enum node_kind kind = at(p, '*') ? node_multiply : node_divide;
    advance(p);
    left = add(p, (struct node){.kind = kind, .left = left, .right = parse_quantity(p)});
  }
  return left;
}

static int parse_sum(struct parser* p) {
  int left = parse_product(p);
  while (left >= 0 && (at(p, '+') || at(p, '-'))) {
    enum node_kind kind = at(p, '+') ? node_add : node_subtract;
    advance(p);
    left = add(p, (struct node){.kind = kind, .left = left, .right = parse_product(p)});
  }
  return left;
}

bool parse(const char* text, struct tree* tree, struct problem* problem) {
  struct parser p = {.cursor = text, .tree = tree, .problem = problem};
  tree->count = 0;
  advance(&p);
  tree->root = parse_sum(&p);
  if (tree->root >= 0 && p.token.kind != token_end)
    return problem_set(problem, "'%.*s' is not expected here", (int)p.token.length, p.token.text);
  return tree->root >= 0;
}
