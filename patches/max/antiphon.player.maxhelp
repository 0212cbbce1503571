{
    "patcher": {
        "fileversion": 1,
        "appversion": {
            "major": 8,
            "minor": 5,
            "revision": 5,
            "architecture": "x64",
            "modernui": 1
        },
        "classnamespace": "box",
        "rect": [
            60.0,
            80.0,
            1900,
            400
        ],
        "bglocked": 0,
        "openinpresentation": 0,
        "default_fontsize": 12.0,
        "default_fontface": 0,
        "default_fontname": "Arial",
        "gridonopen": 1,
        "gridsize": [
            15.0,
            15.0
        ],
        "gridsnaponopen": 1,
        "objectsnaponopen": 1,
        "statusbarvisible": 2,
        "toolbarvisible": 1,
        "lefttoolbarpinned": 0,
        "toptoolbarpinned": 0,
        "righttoolbarpinned": 0,
        "bottomtoolbarpinned": 0,
        "toolbars_unpinned_last_save": 0,
        "tallnewobj": 0,
        "boxanimatetime": 200,
        "enablehscroll": 1,
        "enablevscroll": 1,
        "devicewidth": 0.0,
        "description": "",
        "digest": "",
        "tags": "",
        "style": "",
        "subpatcher_template": "",
        "assistshowspatchername": 0,
        "boxes": [
            {
                "box": {
                    "id": "obj-1",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        20.0,
                        600,
                        28
                    ],
                    "text": "antiphon.player - sounds for antiphon play --output osc",
                    "fontsize": 18.0
                }
            },
            {
                "box": {
                    "id": "obj-2",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        56.0,
                        638.2,
                        22.0
                    ],
                    "text": "With --output osc the agent makes no sound: it tells what to play, and when, and this patch plays it."
                }
            },
            {
                "box": {
                    "id": "obj-3",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        86.0,
                        625.8000000000001,
                        22.0
                    ],
                    "text": "1. Open the memory the agent plays with (buffer~ reads WAV, AIFF and FLAC).   2. Turn the sound on."
                }
            },
            {
                "box": {
                    "id": "obj-4",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        116.0,
                        514.2,
                        22.0
                    ],
                    "text": "3. Start the agent: antiphon play --input ... --output osc --memory THE-SAME-FILE"
                }
            },
            {
                "box": {
                    "id": "obj-5",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        146.0,
                        433.6,
                        22.0
                    ],
                    "text": "It subscribes to the reports event, changed and status on port 9002."
                }
            },
            {
                "box": {
                    "id": "obj-6",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        176.0,
                        663.0,
                        22.0
                    ],
                    "text": "With several memories: one player each, the memory's name in its field instead of any, a port of its own."
                }
            },
            {
                "box": {
                    "id": "obj-7",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        206.0,
                        625.8000000000001,
                        22.0
                    ],
                    "text": "A jump fades from voice to voice in 50 ms with equal power; a memory that continues is not changed."
                }
            },
            {
                "box": {
                    "id": "obj-8",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        236.0,
                        712.6,
                        22.0
                    ],
                    "text": "An event that comes late begins as much later in the memory. No event: the memory continues for 250 ms and fades."
                }
            },
            {
                "box": {
                    "id": "obj-9",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        266.0,
                        557.6,
                        22.0
                    ],
                    "text": "Time is as exact as Max's scheduler: turn Overdrive and Scheduler in Audio Interrupt on."
                }
            },
            {
                "box": {
                    "id": "obj-10",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        296.0,
                        669.2,
                        22.0
                    ],
                    "text": "What the agent records while playing (memory live) exists in the agent only: those events are silent here."
                }
            }
        ],
        "lines": [],
        "dependency_cache": [],
        "autosave": 0
    }
}