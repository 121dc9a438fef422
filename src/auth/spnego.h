/*
 * spnego.h - the tokens of SPNEGO, decoded and encoded. What is done with them is in auth.c.
 *
 * The DER is OpenSSL's: spnego.c only declares the structures as ASN.1 templates.
 *
 * Owns     nothing; results lie in the caller's arena.
 * Threads  none of its own.
 * Errors   -EBADMSG: not such a token, or bytes behind its end. -ENOMEM.
 * Spec     RFC 4178 4.2, [MS-SPNG] 2.2.1, RFC 2743 3.1
 */
#pragma once

#include "base/arena.h"

/* Mechanisms we know by name. An OID that is not ours decodes as SPNEGO_MECH_OTHER. */
enum spnego_mech {
	SPNEGO_MECH_OTHER,
	SPNEGO_MECH_NTLMSSP, /* 1.3.6.1.4.1.311.2.2.10 */
};

/* NegTokenResp.negState, RFC 4178 4.2.2 */
enum spnego_state {
	SPNEGO_ACCEPT_COMPLETED = 0,
	SPNEGO_ACCEPT_INCOMPLETE = 1,
	SPNEGO_REJECT = 2,
	SPNEGO_REQUEST_MIC = 3,
	SPNEGO_STATE_ABSENT,
};

/* A client's first token. */
struct spnego_init {
	struct span
		mech_list; /* MechTypeList as it was sent: what a mechListMIC covers */
	enum spnego_mech *mechs; /* the same, in the client's order of preference */
	size_t mech_count;       /* at least 1 */
	struct span token;       /* for mechs[0]; empty if it sent none */
};

/* Any later token, either way. */
struct spnego_resp {
	enum spnego_state state;
	enum spnego_mech
		mech; /* SPNEGO_MECH_OTHER: absent (sent), or absent or unknown (received) */
	struct span token; /* empty: absent */
	struct span mic;   /* mechListMIC; empty: absent */
};

/* NegTokenInit in its GSS-API frame. reqFlags is ignored ([MS-SPNG] 3.1.5.3), and so is what
 * may follow the token: negHints, or a mechListMIC that nobody can have made before a context
 * exists. */
MUST_CHECK int spnego_init_decode(struct span in, struct arena *a,
				  struct spnego_init *ret_init);
MUST_CHECK int spnego_resp_decode(struct span in, struct arena *a,
				  struct spnego_resp *ret_resp);

/* NegTokenInit2: what a server sends before the client said anything, with the hint Windows
 * sends. [MS-SPNG] 3.2.5.2 */
MUST_CHECK int spnego_init2_encode(const enum spnego_mech *mechs, size_t count,
				   struct arena *a, struct span *ret_token);
MUST_CHECK int spnego_resp_encode(const struct spnego_resp *resp, struct arena *a,
				  struct span *ret_token);
