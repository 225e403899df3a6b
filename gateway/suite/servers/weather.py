"""Serves weather.proto with Python's gRPC and its reflection. Arguments: folders of protos. Prints its port when it is
up; ends when its standard input does."""

import sys
import tempfile
from concurrent import futures
from pathlib import Path

import grpc
import grpc_tools
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_reflection.v1alpha import reflection
from grpc_tools import protoc


def generate(folder, roots):
    roots = [*roots, str(Path(grpc_tools.__file__).parent / "_proto")]
    files = ["weather.proto", "google/api/annotations.proto", "google/api/http.proto"]
    outputs = [f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *(f"-I{root}" for root in roots), *outputs, *files]) != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, folder)


def main():
    folder = tempfile.TemporaryDirectory(prefix="weather-")
    generate(folder.name, sys.argv[1:])
    import weather_pb2
    import weather_pb2_grpc

    def report(place, celsius):
        return weather_pb2.Report(place=place, celsius=celsius, time=Timestamp(seconds=1_700_000_000))

    class Weather(weather_pb2_grpc.WeatherServicer):
        def GetReport(self, request, context):
            if request.place == "places/nowhere":
                context.abort(grpc.StatusCode.NOT_FOUND, "there is no such place")
            return report(request.place, 21.5)

        def Watch(self, request, context):
            for number in range(request.count):
                yield report(request.place, float(number))

        def Measure(self, requests, context):
            values = [request.celsius for request in requests]
            return weather_pb2.Summary(count=len(values), mean=sum(values) / max(len(values), 1))

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    weather_pb2_grpc.add_WeatherServicer_to_server(Weather(), server)
    service = weather_pb2.DESCRIPTOR.services_by_name["Weather"].full_name
    reflection.enable_server_reflection([service, reflection.SERVICE_NAME], server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(None)
    folder.cleanup()


main()
