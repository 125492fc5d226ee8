#ifndef CUA_DEMOS_STANDIN_FAULT_H
#define CUA_DEMOS_STANDIN_FAULT_H

/* What goes wrong with an answer, as told by --fault or by a script's step "fault":
 * "status=429,retry-after=2". Several things may go wrong with one answer. */

#include <stdbool.h>
#include <stdio.h>

#include "cua/base/error.h"

#define FAULT_TEXT_MAX 200

struct fault {
	int at;    /* --fault: from which request on, counted from 1 */
	int times; /* with how many answers */
	/* In place of the answer. */
	int http_status;                                    /* 0: 200 and the answer */
	char code[FAULT_TEXT_MAX], message[FAULT_TEXT_MAX]; /* "" for the usual ones */
	char redirect[FAULT_TEXT_MAX];                      /* Location of a 307; "" for none */
	bool endless_headers, garbage, empty;
	int bomb_mb; /* gzip of so many megabytes; 0: none */
	/* Beside it. */
	char retry_after[FAULT_TEXT_MAX]; /* seconds, or date:SECONDS from now */
	char retry_after_ms[FAULT_TEXT_MAX], should_retry[FAULT_TEXT_MAX];
	char content_type[FAULT_TEXT_MAX];
	char end[FAULT_TEXT_MAX]; /* why the turn ends, in the API's word */
	int deep;                 /* levels of a member that nests */
	bool duplicates;          /* members twice */
	int huge_mb;              /* megabytes of words */
	int batch;                /* calls before those of the turn */
	int error_event;          /* the stream fails after so many events; -1: it does not */
	/* On its way. */
	int delay_ms, pause_ms; /* before the headers; before each event */
	int piece;              /* bytes written at once; 0: as many as fit */
	int cut, reset, stall;  /* bytes of the body after which it ends, is reset, stops; -1 */
};

/* CUA_ERR_INVAL says what is wrong with spec. */
CUA_NODISCARD enum cua_status fault_parse(
		const char *spec, struct fault *ret_fault, struct cua_error *err);
/* What a spec may say, for --help. */
void fault_print_words(FILE *out);

#endif
