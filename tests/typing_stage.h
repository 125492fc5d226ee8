#ifndef CUA_TESTS_TYPING_STAGE_H
#define CUA_TESTS_TYPING_STAGE_H

/* A desktop that text is typed and pasted on, and text of all kinds. */

#include <stdbool.h>

#include "tests/desktop_fixture.h"

struct typing_stage {
	struct world world;
	struct desktop desktop; /* "type" */
	char clipboard[65536];  /* what typing_read_back() found */
};

extern struct typing_stage typing;

/* For cmocka: of the group. */
int typing_start(void **state);
int typing_finish(void **state);

/* Code, languages, ideographs, emoji; with tabs where a tab is a character. The caller frees. */
char *typing_text(bool with_tabs);
/* So many, the same each time, behind what is there. */
void typing_add_ideographs(char *text, int count);
/* The same text; where: for who reads of the failure. */
void typing_expect(const char *found, const char *wanted, const char *where);
/* For wait_until(): data is the name of a file in the home. */
bool typing_file_is_there(void *data);
/* What the window in front has, all of it, by way of the clipboard. */
void typing_read_back(void);

#endif
