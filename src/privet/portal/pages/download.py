"""Everything to take away: the archive is made in memory and sent, and no file of it stands on this machine."""

from privet.portal.calls import Answer, Call
from privet.portal.desk import Desk, Me


def download(desk: Desk, call: Call, me: Me) -> Answer:
    """GET: what it is. POST: the archive."""
    if not call.post:
        return desk.page("download.html", me=me, here="download")
    return Answer(
        content=me.customer.export_bytes(),
        headers={
            "content-type": "application/zip",
            "content-disposition": f'attachment; filename="your-data-{call.now:%Y-%m-%d}.zip"',
        },
    )
