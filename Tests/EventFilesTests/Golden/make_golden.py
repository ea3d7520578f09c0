#!/usr/bin/env python3
"""Writes an event file with the messages and the record writer of the Python package `tensorboard`.

Usage: make_golden.py (in any directory; needs tensorboard, written with 2.21)
"""
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

Value = summary_pb2.Summary.Value


def event(step, time=1700000000.25, **content):
    return event_pb2.Event(wall_time=time, step=step, **content)


text = Value(
    tag="configuration",
    tensor=tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING, tensor_shape=tensor_shape_pb2.TensorShapeProto(), string_val=["    é: 1\n".encode()]
    ),
    metadata=summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    ),
)
histogram = Value(
    tag="weights/embedding",
    histo=summary_pb2.HistogramProto(
        min=-1.5, max=2, num=4, sum=0.5, sum_squares=6.75, bucket_limit=[-1.5, 0, 2.5], bucket=[1, 0, 3]
    ),
)
events = [
    event(0, file_version="brain.Event:2"),
    event(3, session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START)),
    event(2, summary=summary_pb2.Summary(value=[text])),
    event(3, summary=summary_pb2.Summary(value=[Value(tag="training/loss", simple_value=0.1),
                                                Value(tag="training/rate", simple_value=0)])),
    event(1 << 40, summary=summary_pb2.Summary(value=[histogram])),
]
with open(pathlib.Path(__file__).parent / "events", "wb") as file:
    writer = RecordWriter(file)
    for item in events:
        writer.write(item.SerializeToString())
    writer.flush()
