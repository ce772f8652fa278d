#include "vocabulary.h"

static const char consonants[] = "bdfghjklmnprstvz";
static const char vowels[] = "aeiou";

enum {
    VOWELS = sizeof vowels - 1,
    SYLLABLES = (sizeof consonants - 1) * VOWELS,
};

/* The rank as a number whose digits are syllables, of which none is a nought. */
void vocabulary_word(unsigned rank, char word[VOCABULARY_WORD_MAX]) {
    while (rank > 0) {
        unsigned syllable = --rank % SYLLABLES;
        *word++ = consonants[syllable / VOWELS];
        *word++ = vowels[syllable % VOWELS];
        rank /= SYLLABLES;
    }
    *word = '\0';
}
