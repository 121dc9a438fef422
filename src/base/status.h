/*
 * status.h - NT status values, a type of its own so that no errno passes for one.
 *
 * Spec     [MS-ERREF] 2.3.1
 */
#pragma once

#include "base/attr.h"

typedef struct {
	uint32_t v;
} nt_status;

#define NT_STATUS(value) ((nt_status){.v = (value)})

/* clang-format off */
#define STATUS_SUCCESS                                 NT_STATUS(0x00000000)
#define STATUS_PENDING                                 NT_STATUS(0x00000103)
#define STATUS_NOTIFY_CLEANUP                          NT_STATUS(0x0000010B)
#define STATUS_NOTIFY_ENUM_DIR                         NT_STATUS(0x0000010C)
#define STATUS_BUFFER_OVERFLOW                         NT_STATUS(0x80000005)
#define STATUS_NO_MORE_FILES                           NT_STATUS(0x80000006)
#define STATUS_NO_MORE_EAS                             NT_STATUS(0x80000012)
#define STATUS_INVALID_EA_NAME                         NT_STATUS(0x80000013)
#define STATUS_EA_LIST_INCONSISTENT                    NT_STATUS(0x80000014)
#define STATUS_NO_MORE_ENTRIES                         NT_STATUS(0x8000001A)
#define STATUS_STOPPED_ON_SYMLINK                      NT_STATUS(0x8000002D)
#define STATUS_UNSUCCESSFUL                            NT_STATUS(0xC0000001)
#define STATUS_NOT_IMPLEMENTED                         NT_STATUS(0xC0000002)
#define STATUS_INVALID_INFO_CLASS                      NT_STATUS(0xC0000003)
#define STATUS_INFO_LENGTH_MISMATCH                    NT_STATUS(0xC0000004)
#define STATUS_INVALID_HANDLE                          NT_STATUS(0xC0000008)
#define STATUS_INVALID_PARAMETER                       NT_STATUS(0xC000000D)
#define STATUS_NO_SUCH_FILE                            NT_STATUS(0xC000000F)
#define STATUS_INVALID_DEVICE_REQUEST                  NT_STATUS(0xC0000010)
#define STATUS_END_OF_FILE                             NT_STATUS(0xC0000011)
#define STATUS_MORE_PROCESSING_REQUIRED                NT_STATUS(0xC0000016)
#define STATUS_NO_MEMORY                               NT_STATUS(0xC0000017)
#define STATUS_INVALID_VIEW_SIZE                       NT_STATUS(0xC000001F)
#define STATUS_ACCESS_DENIED                           NT_STATUS(0xC0000022)
#define STATUS_BUFFER_TOO_SMALL                        NT_STATUS(0xC0000023)
#define STATUS_OBJECT_NAME_INVALID                     NT_STATUS(0xC0000033)
#define STATUS_OBJECT_NAME_NOT_FOUND                   NT_STATUS(0xC0000034)
#define STATUS_OBJECT_NAME_COLLISION                   NT_STATUS(0xC0000035)
#define STATUS_OBJECT_PATH_INVALID                     NT_STATUS(0xC0000039)
#define STATUS_OBJECT_PATH_NOT_FOUND                   NT_STATUS(0xC000003A)
#define STATUS_OBJECT_PATH_SYNTAX_BAD                  NT_STATUS(0xC000003B)
#define STATUS_SHARING_VIOLATION                       NT_STATUS(0xC0000043)
#define STATUS_EA_TOO_LARGE                            NT_STATUS(0xC0000050)
#define STATUS_NONEXISTENT_EA_ENTRY                    NT_STATUS(0xC0000051)
#define STATUS_NO_EAS_ON_FILE                          NT_STATUS(0xC0000052)
#define STATUS_FILE_LOCK_CONFLICT                      NT_STATUS(0xC0000054)
#define STATUS_LOCK_NOT_GRANTED                        NT_STATUS(0xC0000055)
#define STATUS_DELETE_PENDING                          NT_STATUS(0xC0000056)
#define STATUS_INVALID_OWNER                           NT_STATUS(0xC000005A)
#define STATUS_INVALID_PRIMARY_GROUP                   NT_STATUS(0xC000005B)
#define STATUS_PRIVILEGE_NOT_HELD                      NT_STATUS(0xC0000061)
#define STATUS_LOGON_FAILURE                           NT_STATUS(0xC000006D)
#define STATUS_ACCOUNT_RESTRICTION                     NT_STATUS(0xC000006E)
#define STATUS_ACCOUNT_DISABLED                        NT_STATUS(0xC0000072)
#define STATUS_INVALID_ACL                             NT_STATUS(0xC0000077)
#define STATUS_INVALID_SECURITY_DESCR                  NT_STATUS(0xC0000079)
#define STATUS_RANGE_NOT_LOCKED                        NT_STATUS(0xC000007E)
#define STATUS_DISK_FULL                               NT_STATUS(0xC000007F)
#define STATUS_INSUFFICIENT_RESOURCES                  NT_STATUS(0xC000009A)
#define STATUS_MEDIA_WRITE_PROTECTED                   NT_STATUS(0xC00000A2)
#define STATUS_BAD_IMPERSONATION_LEVEL                 NT_STATUS(0xC00000A5)
#define STATUS_INVALID_PIPE_STATE                      NT_STATUS(0xC00000AD)
#define STATUS_PIPE_BUSY                               NT_STATUS(0xC00000AE)
#define STATUS_PIPE_DISCONNECTED                       NT_STATUS(0xC00000B0)
#define STATUS_IO_TIMEOUT                              NT_STATUS(0xC00000B5)
#define STATUS_FILE_FORCED_CLOSED                      NT_STATUS(0xC00000B6)
#define STATUS_FILE_IS_A_DIRECTORY                     NT_STATUS(0xC00000BA)
#define STATUS_NOT_SUPPORTED                           NT_STATUS(0xC00000BB)
#define STATUS_NETWORK_NAME_DELETED                    NT_STATUS(0xC00000C9)
#define STATUS_BAD_DEVICE_TYPE                         NT_STATUS(0xC00000CB)
#define STATUS_BAD_NETWORK_NAME                        NT_STATUS(0xC00000CC)
#define STATUS_REQUEST_NOT_ACCEPTED                    NT_STATUS(0xC00000D0)
#define STATUS_NOT_SAME_DEVICE                         NT_STATUS(0xC00000D4)
#define STATUS_PIPE_EMPTY                              NT_STATUS(0xC00000D9)
#define STATUS_INVALID_OPLOCK_PROTOCOL                 NT_STATUS(0xC00000E3)
#define STATUS_INTERNAL_ERROR                          NT_STATUS(0xC00000E5)
#define STATUS_DIRECTORY_NOT_EMPTY                     NT_STATUS(0xC0000101)
#define STATUS_NOT_A_DIRECTORY                         NT_STATUS(0xC0000103)
#define STATUS_NAME_TOO_LONG                           NT_STATUS(0xC0000106)
#define STATUS_TOO_MANY_OPENED_FILES                   NT_STATUS(0xC000011F)
#define STATUS_CANCELLED                               NT_STATUS(0xC0000120)
#define STATUS_CANNOT_DELETE                           NT_STATUS(0xC0000121)
#define STATUS_FILE_DELETED                            NT_STATUS(0xC0000123)
#define STATUS_FILE_CLOSED                             NT_STATUS(0xC0000128)
#define STATUS_INVALID_LEVEL                           NT_STATUS(0xC0000148)
#define STATUS_PIPE_BROKEN                             NT_STATUS(0xC000014B)
#define STATUS_IO_DEVICE_ERROR                         NT_STATUS(0xC0000185)
#define STATUS_FS_DRIVER_REQUIRED                      NT_STATUS(0xC000019C)
#define STATUS_INVALID_LOCK_RANGE                      NT_STATUS(0xC00001A1)
#define STATUS_USER_SESSION_DELETED                    NT_STATUS(0xC0000203)
#define STATUS_CONNECTION_DISCONNECTED                 NT_STATUS(0xC000020C)
#define STATUS_NOT_FOUND                               NT_STATUS(0xC0000225)
#define STATUS_DUPLICATE_OBJECTID                      NT_STATUS(0xC000022A)
#define STATUS_CONNECTION_REFUSED                      NT_STATUS(0xC0000236)
#define STATUS_TOO_MANY_LINKS                          NT_STATUS(0xC0000265)
#define STATUS_NO_MATCH                                NT_STATUS(0xC0000272)
#define STATUS_NOT_A_REPARSE_POINT                     NT_STATUS(0xC0000275)
#define STATUS_IO_REPARSE_TAG_INVALID                  NT_STATUS(0xC0000276)
#define STATUS_IO_REPARSE_TAG_MISMATCH                 NT_STATUS(0xC0000277)
#define STATUS_IO_REPARSE_DATA_INVALID                 NT_STATUS(0xC0000278)
#define STATUS_IO_REPARSE_TAG_NOT_HANDLED              NT_STATUS(0xC0000279)
#define STATUS_VOLUME_NOT_UPGRADED                     NT_STATUS(0xC000029C)
#define STATUS_REPARSE_ATTRIBUTE_CONFLICT              NT_STATUS(0xC00002B2)
#define STATUS_NETWORK_SESSION_EXPIRED                 NT_STATUS(0xC000035C)
#define STATUS_REQUEST_OUT_OF_SEQUENCE                 NT_STATUS(0xC000042A)
#define STATUS_FILE_NOT_AVAILABLE                      NT_STATUS(0xC0000467)
#define STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP   NT_STATUS(0xC05D0000)
/* clang-format on */

static inline bool nt_is(nt_status a, nt_status b)
{
	return a.v == b.v;
}

/* Exactly STATUS_SUCCESS. Warnings such as STATUS_BUFFER_OVERFLOW are not "ok". */
static inline bool nt_ok(nt_status st)
{
	return st.v == 0;
}

/* Severity "error": the answer is an ERROR Response ([MS-SMB2] 2.2.2) unless the command says otherwise. */
static inline bool nt_is_error(nt_status st)
{
	return (st.v >> 30) == 3;
}

/*
 * The one place where errno becomes a status. err is 0 or a negative errno; 0 gives STATUS_SUCCESS.
 * Where a call needs another status than this table gives, the caller maps it in sight.
 */
nt_status nt_from_errno(int err);

/* The spec's name, or "0xC0001234" in a buffer of the calling thread. For logs. */
const char *nt_status_name(nt_status st);
