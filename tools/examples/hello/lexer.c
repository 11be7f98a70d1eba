#include "calc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct token lexer_next(const char** cursor) {
  const char* start = *cursor;
  while (isspace((unsigned char)*start))
    start++;
  struct token token = {token_end, start, 1, 0};
  char* end = NULL;
  if (*start == '\0') {
    token.length = 0;
  } else if (isdigit((unsigned char)*start)) {
    token.kind = token_number;
    token.number = strtod(start, &end);
    token.length = (size_t)(end - start);
  } else if (isalpha((unsigned char)*start)) {
    token.kind = token_name;
    while (isalpha((unsigned char)start[token.length]))
      token.length++;
  } else {
    token.kind = strchr("+-*/^()", *start) != NULL ? token_operator : token_bad;
  }
  *cursor = start + token.length;
  return token;
}
