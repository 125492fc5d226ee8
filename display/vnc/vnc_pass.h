#ifndef CUA_DISPLAY_VNC_VNC_PASS_H
#define CUA_DISPLAY_VNC_VNC_PASS_H

/* What is said first on viewers.sock of a desktop, before RFB, by whoever has checked a person
 * already: who comes, and what they may. RFB follows with security type None. Both ends are this
 * program, on one machine. */

#include <stdint.h>

#define VNC_PASS_MAGIC "CUAPASS1"
#define VNC_PERSON_SIZE 24
#define VNC_NAME_SIZE 128

enum vnc_mode {
	VNC_MODE_WATCH, /* sees, and nothing that it sends reaches the desktop */
	VNC_MODE_ACT,
	VNC_MODE_PRIVATE, /* acts, and the model is not to see it */
	VNC_MODE_COUNT,
};

struct vnc_pass {
	char magic[8];
	uint32_t mode;                /* enum vnc_mode */
	char person[VNC_PERSON_SIZE]; /* whom input counts for: their token or session */
	char name[VNC_NAME_SIZE];     /* of them, for people; UTF-8 */
};

#endif
