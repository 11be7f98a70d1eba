# Included by the build folder's Makefile, which ./configure writes together with config.mk.

LIBRARY = lexer.o parser.o units.o evaluator.o format.o

all: calc calc_test

%.o: $(SOURCE)/%.c $(SOURCE)/calc.h config.h
	$(CC) $(CFLAGS) -I. -I$(SOURCE) -c -o $@ $<

units.o: units_table.h

units_table.h: $(SOURCE)/units.txt
	$(SOURCE)/make-table $@

calc: main.o $(LIBRARY)
calc_test: calc_test.o $(LIBRARY)
calc calc_test:
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

check: calc_test
	./calc_test >test.log; status=$$?; cat test.log; exit $$status

dist: calc
	rm -rf calc-1.0 && mkdir calc-1.0
	cp calc $(SOURCE)/units.txt calc-1.0/
	tar -czf calc-1.0.tar.gz calc-1.0

.PHONY: all check dist
.DELETE_ON_ERROR:
