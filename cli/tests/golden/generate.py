"""Writes the golden files beside it from the former client, toolforge-jobs-cli 16.2.3, tabulate 0.9.0 and PyYAML 6.0.3.

Run it with a Python that has these packages. The tests have the same jobs in samples.rs.
"""
import contextlib, copy, io, json, os, textwrap
import yaml
from tabulate import tabulate
from jobs_cli import cli
class Cfg: 
    class jobs: publish_url_template="https://{tool_name}.toolforge.org"
cli.load_config=lambda *a,**k: Cfg
ST=lambda s,d=None,m=(),**k: dict(short=s,duration=d or "0s",up_to_date=True,messages=list(m),**k)
jobs=[
 dict(name="j1",cmd="echo hi",imagename="python3.11",image="python3.11",image_state="stable",job_type="one-off",filelog=True,filelog_stdout="/data/project/alpha/j1.out",filelog_stderr="/data/project/alpha/j1.err",emails="none",mount="all",memory="0.5Gi",cpu="0.1",retry=0,status=ST("succeeded","5m")),
 dict(name="s1",cmd="./nightly.sh --all\nsecond line",imagename="bookworm",image="bookworm",image_state="deprecated",job_type="scheduled",filelog=False,emails="onfailure",mount="none",memory="1.0Gi",cpu="0.1",retry=2,timeout=30,schedule="@daily",schedule_actual="1 2 * * *",status=ST("pending","12s",["scheduling","back-off restarting failed container in a well-known long-running pod of this tool--really"],previous_schedule="2026-03-01T02:01:00Z",next_schedule="2026-03-02T02:01:00Z")),
 dict(name="c1",cmd="",imagename="tool-x/img:latest@sha256:abc",image="tool-x/img:latest@sha256:abc",image_state="unknown",job_type="continuous",continuous=True,filelog=False,emails="all",mount="none",memory="0.5Gi",cpu="1.0",replicas=2,port=8080,port_protocol="tcp",health_check={"type":"http","path":"/healthz"},publish="/",status=ST("running","1d2h3m")),
 dict(name="w-1.x",cmd="ünïcode ✓",imagename="php8.2",image="php8.2",image_state="stable",job_type="webservice",emails="none",mount="all",memory="0.5Gi",cpu="0.1",replicas=1,port=8000,health_check={"type":"script","script":"./check.sh"},status=ST("failed","3s",["exitcode 1"])),
 dict(name="c2",cmd="run",imagename="php8.2",image="php8.2",image_state="stable",job_type="continuous",continuous=True,filelog=True,filelog_stdout="/a",filelog_stderr="/b",emails="none",mount="all",memory="0.5Gi",cpu="0.1",replicas=1,publish="",port=53,port_protocol="udp",status=ST("unknown")),
 dict(name="webservice",imagename="php8.2",image="php8.2",image_state="stable",job_type="webservice",emails="none",mount="all",memory="2.0Gi",cpu="0.5",replicas=3,status=ST("pending","1s")),
]
out=os.path.join(os.path.dirname(os.path.abspath(__file__)),'')
def table(h,tf):
    l=copy.deepcopy(jobs)
    for j in l: cli.job_prepare_for_output(j,headers=h,suppress_hints=True,tool_name="alpha")
    return tabulate(l,headers=h,tablefmt=tf)
open(out+'list-normal.txt','w').write(table(cli.JOB_TABULATION_HEADERS_SHORT,"pretty")+"\n")
open(out+'list-long.txt','w').write(table(cli.JOB_TABULATION_HEADERS_LONG,"pretty")+"\n")
for j in jobs:
    class A:
        def get(self,*a,**k): return {"job":copy.deepcopy(j)}
    b=io.StringIO()
    with contextlib.redirect_stdout(b): cli.op_show(A(),j["name"],"alpha")
    open(out+f'show-{j["name"]}.txt','w').write(b.getvalue())
def cap(f):
    b=io.StringIO()
    with contextlib.redirect_stdout(b): f()
    return b.getvalue()
class I:
    def get(self,*a,**k): return {"images":[{"shortname":"bookworm","image":"docker-registry.tools.wmflabs.org/toolforge-bookworm-sssd:latest"},{"shortname":"python3.11","image":"x"}]}
open(out+'images.txt','w').write(cap(lambda: cli.op_images(I())))
class Q:
    def get(self,*a,**k): return {"quota":{"categories":[
      {"name":"Running jobs","items":[{"name":"Total running jobs at once (Kubernetes pods)","limit":"16","used":"3"},{"name":"Running one-off and cron jobs","limit":"15","used":"2"},{"name":"CPU","limit":"16.0","used":"0.25"},{"name":"Memory","limit":"8.0Gi","used":"1.5Gi"}]},
      {"name":"Per-job limits","items":[{"name":"CPU","limit":"3.0"},{"name":"Memory","limit":"6.0Gi"}]},
      {"name":"Job definitions","items":[{"name":"Cron jobs","limit":"50","used":"3"},{"name":"Continuous jobs (including web services)","limit":"16","used":"12"}]},
      {"name":"Odd","items":[{"name":"a","limit":"16.0","used":"0.25"},{"name":"b","limit":"3.125","used":"10"}]}]}}
open(out+'quota.txt','w').write(cap(lambda: cli.op_quota(Q())))
# dump
d=[dict(name="j1",cmd="echo hi",imagename="python3.11",image="python3.11",job_type="one-off"),
 dict(name="yes",cmd="a: b # c",imagename="tf-python39",image="tf-python39",job_type="one-off",filelog=True,filelog_stdout="~/out.log",filelog_stderr="null",memory="1.0Gi",cpu="0.5",emails="none",mount="all",retry=3),
 dict(name="s1",cmd="python3 bot.py --family wikipedia --lang en --task 'do something long' --really-long-option value --another-one and more words to fold over",imagename="bookworm",image="bookworm",job_type="scheduled",schedule="*/5 * * * *",timeout=0,retry=0,filelog=False),
 dict(name="s2",cmd="line one\nline two: 'quoted'\n\nlast",imagename="bookworm",image="bookworm",job_type="scheduled",schedule="@daily",emails="onfinish"),
 dict(name="c1",cmd="ünïcode ✓ command that is so long that it has to be folded somewhere, because it is longer than eighty columns 𝄞 yes",imagename="tool-x/img:latest",image="tool-x/img:latest",job_type="continuous",continuous=True,port=8080,port_protocol="tcp",publish="/",replicas=2,health_check={"type":"http","path":"/healthz"}),
 dict(name="c2",cmd="true",imagename="i",image="i",job_type="continuous",continuous=True,port=53,health_check={"type":"script","script":"test -e /tmp/ok && echo \"it's fine\""}),
 dict(name="webservice",imagename="php8.2",image="php8.2",job_type="webservice",port=8000,replicas=1),
 dict(name="w2",cmd="12:30:45",imagename="1.5",image="1.5",job_type="webservice",memory="1e3",health_check={"type":"http","path":"/"})]
class D:
    def get(self,*a,**k): return {"jobs":copy.deepcopy(d)}
open(out+'dump.txt','w').write(cap(lambda: cli.op_dump(D(),None,"alpha")))
# yaml scalars
S=["","~","null","Null","NULL","nULL","yes","Yes","YES","yEs","no","on","Off","true","TRUE","True","tRue","y","n","<<","=","1","0","01","08","0o7","+1","-1","1_000","_1","0b101","0b","0x1F","0x","12:30","12:60","1:2:3","190:20:30","1.5","1.","+.5",".5","-.5","1e3","1.0e3","1.0e+3","1.e-3",".5e+3","5.inf",".inf","-.INF",".nan","+.nan","12:30.5","1.5.2","2026-01-01","2026-1-1","2026-01-01 10:00:00","2026-01-01T10:00:00Z","2026-01-01T10:00:00.123+01:00","2026-1-1 1:02:03 -5","2026-01-01T","a","a b","a: b","a:b","a:","a #b","a#b","#a","- a","-a","-","--- a","---","...","?","? a","?a",":",": a",":a","@daily","*/5 * * * *","* * * * *","&a","!x","%x","|x",">x","`x","'x'","\"x\"","it's","say \"hi\"","{a}","[a]","a{b}","a,b",",a"," a","a ","a\nb","a\n","\na","a \nb","a\n b","a\n\nb","\t","a\tb","a\\b","ü","𝄞","\u00a0x","\u0085","\u2028x","\x00","\x1b[0m","\x7f","\ufeff","word "*30,"'"+"word "*30+"'",": "+"word "*30+"end","double  spaces  "*12+"end",": double  spaces  "*9+"end","ü "+"word "*30,"ü"+"x"*100+" tail of it","tab\t"*30,"a"*100+" b "+"c"*90+" d","line1 "*20+"\n"+"line2 "*20+"\nend","\\\"'x\n","x"*79+" y","x"*80+" y z","x"*78+"  y z","ü"+"x"*76+" y z ü","{{ x }}","key: [1, 2]","$HOME/a && b | c","http://x.y/z?a=b","python3.11","8080/tcp","0.5Gi","512Mi","1Gi","100m","@every 5m","e","1e+3","0.1","-","~a","=a","a=b"]
open(out+'scalars.json','w').write(json.dumps([[s,yaml.dump([{"k":s}])] for s in S],indent=0)+"\n")
open(out+'nested.yaml','w').write(yaml.dump({"a":[],"b":{},"c":[{"x":1,"y":[1,2,{"z":None}]},"t",True,0.5,[["n"]]],"d":{"e":{"f":"g"}},"long key: with colon":1,"yes":"no"}, sort_keys=True))
F=["","a","Back-off restarting failed container"*4,"exitcode 1","scheduling. 0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector, preemption: 0/3 nodes are available","x"*150,"aaa-bbb-ccc-ddd "*12,"a-b-c-d-e-f "*12,"1-2-3 4-5 "*15,"dash--dash "*14,"tab\there "*20,"two  spaces "*14,"long-hyphenated-word-that-is-much-longer-than-seventy-columns-so-that-it-has-to-be-cut-somewhere","x-"*60,"Previous: 2026-03-01T02:01:00Z. Next: 2026-03-02T02:01:00Z "*3,"lines\nwith\nbreaks "*8,"--option-name value "*10,"wiki-media's \"quoted-text\" and (bracketed-text) "*4,"ü-ö ünïcode-wörd "*10,"foo_bar-baz_qux __-__ "*10,"end---"*20,"a--b"*30, "  leading "*12]
open(out+'fill.json','w').write(json.dumps([[s,textwrap.fill(s)] for s in F],indent=0)+"\n")
