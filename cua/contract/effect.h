#ifndef CUA_CONTRACT_EFFECT_H
#define CUA_CONTRACT_EFFECT_H

/* What an action or a tool can do, for who decides whether a person is to be asked before it. What
 * has no effect at all looks and does nothing else. */

enum cua_effect {
	CUA_EFFECT_CHANGES = 1,     /* something is not what it was before */
	CUA_EFFECT_DESTROYS = 2,    /* what was there may be lost, sent or overwritten */
	CUA_EFFECT_ONCE = 4,        /* doing it again with the same arguments changes no more */
	CUA_EFFECT_REACHES_OUT = 8, /* beyond the desktop, as far as that has a network */
};

#endif
