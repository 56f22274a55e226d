"""Training: a loop over epochs and batches around :func:`minidl.train_step`.

=====================  =========================================================================
loop.py                epochs and batches, and the callbacks that are told
steps.py               the steps of a loop, called or recorded
whole_step.py          a step is done as a whole, or not at all
undo.py                a step that is half done is undone
snapshots.py           what a step changes, copied and put back
objective.py           loss, penalties and metrics, summed over batches
changed_objective.py   the same after another ``compile``, or for a larger batch
batch_logs.py          the values that callbacks get at each batch
state.py               the position in a training, and a file of everything that goes on
plausibility.py        warnings of data that are probably a mistake
=====================  =========================================================================
"""
