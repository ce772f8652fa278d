/* The words the messages of the benchmark are made of. Pure; any thread. */
#ifndef TESTS_BENCH_VOCABULARY_H
#define TESTS_BENCH_VOCABULARY_H

enum { VOCABULARY_WORDS = 50000, VOCABULARY_WORD_MAX = 16 };

/* Words that are not of the vocabulary. */
#define WORD_PLANTED "quartz"   /* in VOCABULARY_PLANTED messages, evenly spread */
#define WORD_LAST    "epilogue" /* in the very last one */
#define WORD_ABSENT  "nowhere"  /* in none */
enum { VOCABULARY_PLANTED = 10 };

/* The word of a rank from 1 on, the shorter the more common. No two are the same. */
void vocabulary_word(unsigned rank, char word[VOCABULARY_WORD_MAX]);

#endif
