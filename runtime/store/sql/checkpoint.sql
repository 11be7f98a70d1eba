-- Before a measurement: the pages that it changes are not yet dirty from something else.
CHECKPOINT;
