#ifndef CUA_TESTS_LOAD_H
#define CUA_TESTS_LOAD_H

/* A busy machine. */

/* Starts processes beside the desktop that compute without end, as an ordinary program does; at the
 * latest they end with the test program. */
void load_start(int count);
void load_end(void);

#endif
