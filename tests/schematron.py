"""A process that runs rules (schematron, as XSLT) over documents, one JSON line each way.

Saxon reserves more address space than Odoo allows the process of the tests; this one
lifts that limit for itself.

    {"rules": path of the stylesheet, "document": XML}  ->  {"report": XML}
"""

import json
import resource
import sys


def main():
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    compiler, compiled = processor.new_xslt30_processor(), {}
    for line in sys.stdin:
        task = json.loads(line)
        path = task["rules"]
        if path not in compiled:
            compiled[path] = compiler.compile_stylesheet(stylesheet_file=path)
        document = processor.parse_xml(xml_text=task["document"])
        report = compiled[path].transform_to_string(xdm_node=document)
        sys.stdout.write(json.dumps({"report": report}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
