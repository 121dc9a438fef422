/*
 * watches.h - a directory is about to be deleted: who watches it is told so.
 *
 * Threads  any.
 * Spec     [MS-FSA] 2.1.5.15.3, 2.1.5.15.4 (ChangeNotifyDirectoryMarkedDeleted)
 */
#pragma once

struct node;
struct smb_server;

/*
 * Its deletion is pending: every CHANGE_NOTIFY that waits for it ends with WAIT_DELETED. One that begins to wait meanwhile
 * looks for itself.
 */
void watches_end(struct smb_server *s, struct node *directory);
