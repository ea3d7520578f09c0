// What a process arranges with the operating system before and beside its work.
#pragma once

// SIGUSR1 and SIGTERM are noted from now on instead of ending the process, also where they were blocked and have come
// already. Where a launcher of MPI jobs started the process, this has happened before the constructors of the libraries ran.
void cprocess_note_stop_requests(void);
// From now on both end the process again.
void cprocess_forget_stop_requests(void);
// Whether one of them has come.
int cprocess_stop_was_requested(void);

// The process is killed when its parent ends; 0, or an error number. A parent that is gone already ends it at once.
int cprocess_die_with_parent(void);

// Ends the process at once by an instruction that no handler expects.
_Noreturn void cprocess_trap(void);

// From now on SIGUSR2 makes the process print, to its standard error, where it is: the stack of the thread that is hit.
void cprocess_tell_stacks(void);
// Asks the main thread of another process that has called `cprocess_tell_stacks`, or of this one, where it is.
void cprocess_ask_for_stack(int process);
