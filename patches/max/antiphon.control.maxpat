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
            3200,
            1800
        ],
        "bglocked": 0,
        "openinpresentation": 1,
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
                        173.20000000000002,
                        22.0
                    ],
                    "text": "ANTIPHON - control surface",
                    "fontsize": 16.0,
                    "presentation": 1,
                    "presentation_rect": [
                        10.0,
                        8.0,
                        400.0,
                        24.0
                    ]
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
                        50.0,
                        594.8000000000001,
                        22.0
                    ],
                    "text": "The agent listens on 127.0.0.1:9000 and tells on port 9001. It may be started before or after.",
                    "presentation": 1,
                    "presentation_rect": [
                        10.0,
                        32.0,
                        640.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-3",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        80.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.82,
                        0.94,
                        0.82,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        10.0,
                        60.0,
                        170.0,
                        226.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-4",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        80.0,
                        60.0,
                        22.0
                    ],
                    "text": "stage",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        16.0,
                        62.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-5",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        110.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.8,
                        0.9,
                        1.0,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        10.0,
                        294.0,
                        170.0,
                        142.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-6",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        110.0,
                        60.0,
                        22.0
                    ],
                    "text": "choice",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        16.0,
                        296.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-7",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        140.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.82,
                        0.94,
                        0.82,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        188.0,
                        60.0,
                        240.0,
                        142.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-8",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        140.0,
                        60.0,
                        22.0
                    ],
                    "text": "memory",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        194.0,
                        62.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-9",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        170.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.8,
                        0.9,
                        1.0,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        188.0,
                        210.0,
                        240.0,
                        86.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-10",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        170.0,
                        60.0,
                        22.0
                    ],
                    "text": "presets",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        194.0,
                        212.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-11",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        200.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.82,
                        0.94,
                        0.82,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        188.0,
                        304.0,
                        240.0,
                        114.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-12",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        200.0,
                        61.6,
                        22.0
                    ],
                    "text": "scenario",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        194.0,
                        306.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-13",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        230.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.8,
                        0.9,
                        1.0,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        10.0,
                        444.0,
                        170.0,
                        198.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-14",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        230.0,
                        60.0,
                        22.0
                    ],
                    "text": "beat",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        16.0,
                        446.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-15",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        260.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.82,
                        0.94,
                        0.82,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        188.0,
                        426.0,
                        240.0,
                        86.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-16",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        260.0,
                        86.4,
                        22.0
                    ],
                    "text": "missing part",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        194.0,
                        428.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-17",
                    "maxclass": "panel",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        290.0,
                        40,
                        22.0
                    ],
                    "outlettype": [],
                    "bgcolor": [
                        0.8,
                        0.9,
                        1.0,
                        1.0
                    ],
                    "mode": 0,
                    "rounded": 6,
                    "background": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        436.0,
                        60.0,
                        430.0,
                        898.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-18",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        68.0,
                        290.0,
                        61.6,
                        22.0
                    ],
                    "text": "settings",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        442.0,
                        62.0,
                        140.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-19",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        320.0,
                        669.2,
                        22.0
                    ],
                    "text": "NETWORK: [s antiphon] takes whole messages, e.g. /antiphon/temperature 0.7 ; [r antiphon.in] gives reports"
                }
            },
            {
                "box": {
                    "id": "obj-20",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        20.0,
                        350.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "udpsend 127.0.0.1 9000"
                }
            },
            {
                "box": {
                    "id": "obj-21",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        187.2,
                        350.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "r antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-22",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        380.0,
                        113.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "udpreceive 9001"
                }
            },
            {
                "box": {
                    "id": "obj-23",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        141.0,
                        380.0,
                        99.8,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon.in"
                }
            },
            {
                "box": {
                    "id": "obj-24",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        410.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "loadmess 1"
                }
            },
            {
                "box": {
                    "id": "obj-25",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        108.0,
                        410.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "metro 1000"
                }
            },
            {
                "box": {
                    "id": "obj-26",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        196.0,
                        410.0,
                        300,
                        52
                    ],
                    "text": "/antiphon/subscribe 9001 heard plan event pulse meter status latency xruns missed coherence fit changed memory section device midi fill error",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-27",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        470.0,
                        99.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "r antiphon.in"
                }
            },
            {
                "box": {
                    "id": "obj-28",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        127.8,
                        470.0,
                        47.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "t b b"
                }
            },
            {
                "box": {
                    "id": "obj-29",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        182.8,
                        470.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route /antiphon/status"
                }
            },
            {
                "box": {
                    "id": "obj-30",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        350.0,
                        470.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "delay 3000"
                }
            },
            {
                "box": {
                    "id": "obj-31",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        438.0,
                        470.0,
                        73.4,
                        22.0
                    ],
                    "text": "0",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-32",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        519.4,
                        470.0,
                        73.4,
                        22.0
                    ],
                    "text": "1",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-33",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        600.8,
                        470.0,
                        53.599999999999994,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "text": "change"
                }
            },
            {
                "box": {
                    "id": "obj-34",
                    "maxclass": "toggle",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        662.4,
                        470.0,
                        24,
                        22.0
                    ],
                    "outlettype": [
                        "int"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        760.0,
                        30.0,
                        22.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-35",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        500.0,
                        165.79999999999998,
                        22.0
                    ],
                    "text": "/antiphon/state",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-36",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        193.79999999999998,
                        500.0,
                        47.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "sel 1"
                }
            },
            {
                "box": {
                    "id": "obj-37",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        248.79999999999998,
                        500.0,
                        73.4,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "delay 200"
                }
            },
            {
                "box": {
                    "id": "obj-38",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        330.2,
                        500.0,
                        300,
                        22.0
                    ],
                    "text": "connected",
                    "presentation": 1,
                    "presentation_rect": [
                        786.0,
                        32.0,
                        80.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-39",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        530.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        84.0,
                        150.0,
                        22.0
                    ],
                    "text": "play"
                }
            },
            {
                "box": {
                    "id": "obj-40",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        530.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/play",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-41",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        530.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-42",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        560.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.6,
                        0.5,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        112.0,
                        150.0,
                        22.0
                    ],
                    "text": "stop"
                }
            },
            {
                "box": {
                    "id": "obj-43",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        560.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/stop",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-44",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        560.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-45",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        590.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/mute"
                }
            },
            {
                "box": {
                    "id": "obj-46",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        187.2,
                        590.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-47",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        275.2,
                        590.0,
                        160,
                        22.0
                    ],
                    "text": "mute",
                    "presentation": 1,
                    "presentation_rect": [
                        46.0,
                        140.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-48",
                    "maxclass": "toggle",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        443.2,
                        590.0,
                        24,
                        22.0
                    ],
                    "outlettype": [
                        "int"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        140.0,
                        22.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-49",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        620.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/hold"
                }
            },
            {
                "box": {
                    "id": "obj-50",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        187.2,
                        620.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-51",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        275.2,
                        620.0,
                        160,
                        22.0
                    ],
                    "text": "hold",
                    "presentation": 1,
                    "presentation_rect": [
                        46.0,
                        168.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-52",
                    "maxclass": "toggle",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        443.2,
                        620.0,
                        24,
                        22.0
                    ],
                    "outlettype": [
                        "int"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        168.0,
                        22.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-53",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        650.0,
                        172.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/listen"
                }
            },
            {
                "box": {
                    "id": "obj-54",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        200.39999999999998,
                        650.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-55",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        288.4,
                        650.0,
                        160,
                        22.0
                    ],
                    "text": "listen",
                    "presentation": 1,
                    "presentation_rect": [
                        46.0,
                        196.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-56",
                    "maxclass": "toggle",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        456.4,
                        650.0,
                        24,
                        22.0
                    ],
                    "outlettype": [
                        "int"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        196.0,
                        22.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-57",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        680.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.9,
                        0.3,
                        0.3,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        224.0,
                        150.0,
                        22.0
                    ],
                    "text": "panic"
                }
            },
            {
                "box": {
                    "id": "obj-58",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        680.0,
                        165.79999999999998,
                        22.0
                    ],
                    "text": "/antiphon/panic",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-59",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        291.79999999999995,
                        680.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-60",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        710.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        252.0,
                        150.0,
                        22.0
                    ],
                    "text": "quit"
                }
            },
            {
                "box": {
                    "id": "obj-61",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        710.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/quit",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-62",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        710.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-63",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        740.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        318.0,
                        150.0,
                        22.0
                    ],
                    "text": "jump"
                }
            },
            {
                "box": {
                    "id": "obj-64",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        740.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/jump",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-65",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        740.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-66",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        770.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        346.0,
                        150.0,
                        22.0
                    ],
                    "text": "like"
                }
            },
            {
                "box": {
                    "id": "obj-67",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        770.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/like",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-68",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        770.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-69",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        800.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        374.0,
                        150.0,
                        22.0
                    ],
                    "text": "back"
                }
            },
            {
                "box": {
                    "id": "obj-70",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        800.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/back",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-71",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        800.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-72",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        830.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        402.0,
                        150.0,
                        22.0
                    ],
                    "text": "change"
                }
            },
            {
                "box": {
                    "id": "obj-73",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        830.0,
                        172.39999999999998,
                        22.0
                    ],
                    "text": "/antiphon/change",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-74",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        298.4,
                        830.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-75",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        860.0,
                        172.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/memory"
                }
            },
            {
                "box": {
                    "id": "obj-76",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        200.39999999999998,
                        860.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-77",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        288.4,
                        860.0,
                        160,
                        22.0
                    ],
                    "text": "memory",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        84.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-78",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        456.4,
                        860.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1023,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        84.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-79",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        890.0,
                        172.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/record"
                }
            },
            {
                "box": {
                    "id": "obj-80",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        200.39999999999998,
                        890.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-81",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        288.4,
                        890.0,
                        160,
                        22.0
                    ],
                    "text": "record",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        112.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-82",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        456.4,
                        890.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "input",
                        ",",
                        "self",
                        ",",
                        "off"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        112.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-83",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        920.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        140.0,
                        150.0,
                        22.0
                    ],
                    "text": "undo"
                }
            },
            {
                "box": {
                    "id": "obj-84",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        920.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/undo",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-85",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        920.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-86",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        950.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/save"
                }
            },
            {
                "box": {
                    "id": "obj-87",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        187.2,
                        950.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-88",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        275.2,
                        950.0,
                        160,
                        22.0
                    ],
                    "text": "save",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        168.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-89",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        443.2,
                        950.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        168.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-90",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        571.2,
                        950.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-91",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        659.2,
                        950.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-92",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1002.0,
                        205.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/preset/save"
                }
            },
            {
                "box": {
                    "id": "obj-93",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        233.39999999999998,
                        1002.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-94",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        321.4,
                        1002.0,
                        160,
                        22.0
                    ],
                    "text": "preset/save",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        234.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-95",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        489.4,
                        1002.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        234.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-96",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        617.4,
                        1002.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-97",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        705.4,
                        1002.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-98",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1054.0,
                        218.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/preset/recall"
                }
            },
            {
                "box": {
                    "id": "obj-99",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        246.6,
                        1054.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-100",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        334.6,
                        1054.0,
                        160,
                        22.0
                    ],
                    "text": "preset/recall",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        262.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-101",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        502.6,
                        1054.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        262.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-102",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        630.6,
                        1054.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-103",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        718.6,
                        1054.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-104",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1106.0,
                        264.79999999999995,
                        22.0
                    ],
                    "text": "/antiphon/scenario 40 3 3 -1 7",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        328.0,
                        220.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-105",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        292.79999999999995,
                        1106.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-106",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1136.0,
                        278.0,
                        22.0
                    ],
                    "text": "/antiphon/scenario/next 3 3 -1 7",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        356.0,
                        220.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-107",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        306.0,
                        1136.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-108",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1166.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        384.0,
                        150.0,
                        22.0
                    ],
                    "text": "scenario/clear"
                }
            },
            {
                "box": {
                    "id": "obj-109",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1166.0,
                        225.2,
                        22.0
                    ],
                    "text": "/antiphon/scenario/clear",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-110",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        351.2,
                        1166.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-111",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1196.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        468.0,
                        150.0,
                        22.0
                    ],
                    "text": "beat"
                }
            },
            {
                "box": {
                    "id": "obj-112",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1196.0,
                        159.2,
                        22.0
                    ],
                    "text": "/antiphon/beat",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-113",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        285.2,
                        1196.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-114",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1226.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/tempo"
                }
            },
            {
                "box": {
                    "id": "obj-115",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        193.79999999999998,
                        1226.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-116",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        281.79999999999995,
                        1226.0,
                        160,
                        22.0
                    ],
                    "text": "tempo (beats a minute)",
                    "presentation": 1,
                    "presentation_rect": [
                        150.0,
                        496.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-117",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        449.79999999999995,
                        1226.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 20,
                    "maximum": 400,
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        496.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-118",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1256.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        524.0,
                        150.0,
                        22.0
                    ],
                    "text": "tap"
                }
            },
            {
                "box": {
                    "id": "obj-119",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1256.0,
                        152.6,
                        22.0
                    ],
                    "text": "/antiphon/tap",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-120",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        278.6,
                        1256.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-121",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1286.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        552.0,
                        150.0,
                        22.0
                    ],
                    "text": "beat/stop"
                }
            },
            {
                "box": {
                    "id": "obj-122",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1286.0,
                        192.2,
                        22.0
                    ],
                    "text": "/antiphon/beat/stop",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-123",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        318.2,
                        1286.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-124",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1316.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        580.0,
                        150.0,
                        22.0
                    ],
                    "text": "beat/double"
                }
            },
            {
                "box": {
                    "id": "obj-125",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1316.0,
                        205.39999999999998,
                        22.0
                    ],
                    "text": "/antiphon/beat/double",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-126",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        331.4,
                        1316.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-127",
                    "maxclass": "textbutton",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        20.0,
                        1346.0,
                        90,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "int"
                    ],
                    "bgcolor": [
                        0.95,
                        0.95,
                        0.95,
                        1.0
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        18.0,
                        608.0,
                        150.0,
                        22.0
                    ],
                    "text": "beat/half"
                }
            },
            {
                "box": {
                    "id": "obj-128",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        118.0,
                        1346.0,
                        192.2,
                        22.0
                    ],
                    "text": "/antiphon/beat/half",
                    "outlettype": [
                        ""
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-129",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        318.2,
                        1346.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-130",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1376.0,
                        192.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/fill/part"
                }
            },
            {
                "box": {
                    "id": "obj-131",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        220.2,
                        1376.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-132",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        308.2,
                        1376.0,
                        160,
                        22.0
                    ],
                    "text": "fill/part",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        450.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-133",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        476.2,
                        1376.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        450.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-134",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        604.2,
                        1376.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-135",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        692.2,
                        1376.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-136",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1428.0,
                        185.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/fill/say"
                }
            },
            {
                "box": {
                    "id": "obj-137",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        213.6,
                        1428.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-138",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        301.6,
                        1428.0,
                        160,
                        22.0
                    ],
                    "text": "fill/say",
                    "presentation": 1,
                    "presentation_rect": [
                        328.0,
                        478.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-139",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        469.6,
                        1428.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        196.0,
                        478.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-140",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        597.6,
                        1428.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-141",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        685.6,
                        1428.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-142",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1480.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/gate_db"
                }
            },
            {
                "box": {
                    "id": "obj-143",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        207.0,
                        1480.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-144",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        295.0,
                        1480.0,
                        160,
                        22.0
                    ],
                    "text": "gate_db (dBFS)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        84.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-145",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        463.0,
                        1480.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": -120,
                    "maximum": 0,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        84.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-146",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        531.0,
                        1480.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": -80.0,
                    "size": 60.0,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        84.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-147",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1510.0,
                        205.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/beat_source"
                }
            },
            {
                "box": {
                    "id": "obj-148",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        233.39999999999998,
                        1510.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-149",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        321.4,
                        1510.0,
                        160,
                        22.0
                    ],
                    "text": "beat_source",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        112.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-150",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        489.4,
                        1510.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "auto",
                        ",",
                        "midi",
                        ",",
                        "link",
                        ",",
                        "osc",
                        ",",
                        "tap",
                        ",",
                        "audio",
                        ",",
                        "none"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        112.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-151",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1540.0,
                        205.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/tempo_range"
                }
            },
            {
                "box": {
                    "id": "obj-152",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        233.39999999999998,
                        1540.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-153",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        321.4,
                        1540.0,
                        160,
                        22.0
                    ],
                    "text": "tempo_range (beats a minute)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        140.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-154",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        489.4,
                        1540.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 40,
                    "maximum": 240,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        140.0,
                        60.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-155",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        557.4,
                        1540.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 40,
                    "maximum": 240,
                    "presentation": 1,
                    "presentation_rect": [
                        514.0,
                        140.0,
                        60.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-156",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        625.4,
                        1540.0,
                        73.4,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "pak 0. 1."
                }
            },
            {
                "box": {
                    "id": "obj-157",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        706.8,
                        1540.0,
                        93.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "unpack 0. 0."
                }
            },
            {
                "box": {
                    "id": "obj-158",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        808.0,
                        1540.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-159",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        902.6,
                        1540.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-160",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1570.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/model"
                }
            },
            {
                "box": {
                    "id": "obj-161",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        193.79999999999998,
                        1570.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-162",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        281.79999999999995,
                        1570.0,
                        160,
                        22.0
                    ],
                    "text": "model",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        168.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-163",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        449.79999999999995,
                        1570.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "first",
                        ",",
                        "second"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        168.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-164",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1600.0,
                        205.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/temperature"
                }
            },
            {
                "box": {
                    "id": "obj-165",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        233.39999999999998,
                        1600.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-166",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        321.4,
                        1600.0,
                        160,
                        22.0
                    ],
                    "text": "temperature",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        196.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-167",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        489.4,
                        1600.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0.05,
                    "maximum": 5,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        196.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-168",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        557.4,
                        1600.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0.2,
                    "size": 1.8,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        196.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-169",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1630.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/top_p"
                }
            },
            {
                "box": {
                    "id": "obj-170",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        193.79999999999998,
                        1630.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-171",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        281.79999999999995,
                        1630.0,
                        160,
                        22.0
                    ],
                    "text": "top_p",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        224.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-172",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        449.79999999999995,
                        1630.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        224.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-173",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        517.8,
                        1630.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        224.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-174",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1660.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/top_k"
                }
            },
            {
                "box": {
                    "id": "obj-175",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        193.79999999999998,
                        1660.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-176",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        281.79999999999995,
                        1660.0,
                        160,
                        22.0
                    ],
                    "text": "top_k",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        252.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-177",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        449.79999999999995,
                        1660.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 4096,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        252.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-178",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        517.8,
                        1660.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": 0,
                    "size": 65,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        252.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-179",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1690.0,
                        251.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/repetition_penalty"
                }
            },
            {
                "box": {
                    "id": "obj-180",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        279.6,
                        1690.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-181",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        367.6,
                        1690.0,
                        160,
                        22.0
                    ],
                    "text": "repetition_penalty",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        280.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-182",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        535.6,
                        1690.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 1,
                    "maximum": 10,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        280.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-183",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        603.6,
                        1690.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 1.0,
                    "size": 2.0,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        280.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-184",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        20.0,
                        1720.0,
                        198.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/constraint"
                }
            },
            {
                "box": {
                    "id": "obj-185",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        226.79999999999998,
                        1720.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-186",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        314.79999999999995,
                        1720.0,
                        160,
                        22.0
                    ],
                    "text": "constraint",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        308.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-187",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        482.79999999999995,
                        1720.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "none",
                        ",",
                        "prefer",
                        ",",
                        "require"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        308.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-188",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        20.0,
                        192.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/lookahead"
                }
            },
            {
                "box": {
                    "id": "obj-189",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1270.2,
                        20.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-190",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1358.2,
                        20.0,
                        160,
                        22.0
                    ],
                    "text": "lookahead (hops)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        336.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-191",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1526.2,
                        20.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 1,
                    "maximum": 16,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        336.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-192",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1594.2,
                        20.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": 1,
                    "size": 8,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        336.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-193",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        50.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/horizon"
                }
            },
            {
                "box": {
                    "id": "obj-194",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1257.0,
                        50.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-195",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1345.0,
                        50.0,
                        160,
                        22.0
                    ],
                    "text": "horizon (hops)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        364.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-196",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1513.0,
                        50.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 1,
                    "maximum": 32,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        364.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-197",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1581.0,
                        50.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": 1,
                    "size": 16,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        364.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-198",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        80.0,
                        192.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/behaviour"
                }
            },
            {
                "box": {
                    "id": "obj-199",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1270.2,
                        80.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-200",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1358.2,
                        80.0,
                        160,
                        22.0
                    ],
                    "text": "behaviour",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        392.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-201",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        1526.2,
                        80.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "together",
                        ",",
                        "after",
                        ",",
                        "free"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        392.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-202",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        110.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/rests"
                }
            },
            {
                "box": {
                    "id": "obj-203",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1243.8,
                        110.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-204",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1331.8,
                        110.0,
                        160,
                        22.0
                    ],
                    "text": "rests",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        420.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-205",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        1499.8,
                        110.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "follow",
                        ",",
                        "free",
                        ",",
                        "never"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        420.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-206",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        140.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/density"
                }
            },
            {
                "box": {
                    "id": "obj-207",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1257.0,
                        140.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-208",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1345.0,
                        140.0,
                        160,
                        22.0
                    ],
                    "text": "density",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        448.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-209",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1513.0,
                        140.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        448.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-210",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1581.0,
                        140.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        448.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-211",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        170.0,
                        185.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/guidance"
                }
            },
            {
                "box": {
                    "id": "obj-212",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1263.6,
                        170.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-213",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1351.6,
                        170.0,
                        160,
                        22.0
                    ],
                    "text": "guidance",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        476.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-214",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1519.6,
                        170.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 8,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        476.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-215",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1587.6,
                        170.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 8,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        476.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-216",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        200.0,
                        172.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/choice"
                }
            },
            {
                "box": {
                    "id": "obj-217",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1250.4,
                        200.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-218",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1338.4,
                        200.0,
                        160,
                        22.0
                    ],
                    "text": "choice",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        504.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-219",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        1506.4,
                        200.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "cost",
                        ",",
                        "match"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        504.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-220",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        230.0,
                        185.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/cut_cost"
                }
            },
            {
                "box": {
                    "id": "obj-221",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1263.6,
                        230.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-222",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1351.6,
                        230.0,
                        160,
                        22.0
                    ],
                    "text": "cut_cost",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        532.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-223",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1519.6,
                        230.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 2,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        532.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-224",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1587.6,
                        230.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 2,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        532.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-225",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        260.0,
                        225.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/max_continuity"
                }
            },
            {
                "box": {
                    "id": "obj-226",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1303.2,
                        260.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-227",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1391.2,
                        260.0,
                        160,
                        22.0
                    ],
                    "text": "max_continuity (hops)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        560.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-228",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1559.2,
                        260.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 1,
                    "maximum": 100000,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        560.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-229",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1627.2,
                        260.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": 1,
                    "size": 64,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        560.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-230",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        290.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/taboo"
                }
            },
            {
                "box": {
                    "id": "obj-231",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1243.8,
                        290.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-232",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1331.8,
                        290.0,
                        160,
                        22.0
                    ],
                    "text": "taboo (hops)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        588.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-233",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1499.8,
                        290.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 100000,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        588.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-234",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1567.8,
                        290.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": 0,
                    "size": 65,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        588.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-235",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        320.0,
                        172.39999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/region"
                }
            },
            {
                "box": {
                    "id": "obj-236",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1250.4,
                        320.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-237",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1338.4,
                        320.0,
                        160,
                        22.0
                    ],
                    "text": "region",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        616.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-238",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1506.4,
                        320.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        616.0,
                        60.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-239",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1574.4,
                        320.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        514.0,
                        616.0,
                        60.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-240",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        1642.4,
                        320.0,
                        73.4,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "pak 0. 1."
                }
            },
            {
                "box": {
                    "id": "obj-241",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1723.8000000000002,
                        320.0,
                        93.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "unpack 0. 0."
                }
            },
            {
                "box": {
                    "id": "obj-242",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1825.0000000000002,
                        320.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-243",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1919.6000000000001,
                        320.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-244",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        350.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/section"
                }
            },
            {
                "box": {
                    "id": "obj-245",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1257.0,
                        350.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-246",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1345.0,
                        350.0,
                        160,
                        22.0
                    ],
                    "text": "section",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        644.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-247",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        1513.0,
                        350.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        644.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-248",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        1641.0,
                        350.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-249",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1729.0,
                        350.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-250",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        402.0,
                        152.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/say"
                }
            },
            {
                "box": {
                    "id": "obj-251",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1230.6,
                        402.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-252",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1318.6,
                        402.0,
                        160,
                        22.0
                    ],
                    "text": "say",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        672.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-253",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        1486.6,
                        402.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        672.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-254",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        1614.6,
                        402.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-255",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1702.6,
                        402.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-256",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        454.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/words"
                }
            },
            {
                "box": {
                    "id": "obj-257",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1243.8,
                        454.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-258",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1331.8,
                        454.0,
                        160,
                        22.0
                    ],
                    "text": "words",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        700.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-259",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1499.8,
                        454.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 3,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        700.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-260",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1567.8,
                        454.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 3,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        700.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-261",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        484.0,
                        152.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/add"
                }
            },
            {
                "box": {
                    "id": "obj-262",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1230.6,
                        484.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-263",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1318.6,
                        484.0,
                        160,
                        22.0
                    ],
                    "text": "add",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        728.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-264",
                    "maxclass": "textedit",
                    "numinlets": 1,
                    "numoutlets": 4,
                    "patching_rect": [
                        1486.6,
                        484.0,
                        120,
                        44
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        ""
                    ],
                    "keymode": 1,
                    "lines": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        728.0,
                        120.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-265",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        1614.6,
                        484.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route text"
                }
            },
            {
                "box": {
                    "id": "obj-266",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1702.6,
                        484.0,
                        66.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "tosymbol"
                }
            },
            {
                "box": {
                    "id": "obj-267",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        536.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/obey"
                }
            },
            {
                "box": {
                    "id": "obj-268",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1237.2,
                        536.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-269",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1325.2,
                        536.0,
                        160,
                        22.0
                    ],
                    "text": "obey",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        756.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-270",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1493.2,
                        536.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 3,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        756.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-271",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1561.2,
                        536.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 3,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        756.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-272",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        566.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/stretch"
                }
            },
            {
                "box": {
                    "id": "obj-273",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1257.0,
                        566.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-274",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1345.0,
                        566.0,
                        160,
                        22.0
                    ],
                    "text": "stretch",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        784.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-275",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        1513.0,
                        566.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "off",
                        ",",
                        "auto"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        784.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-276",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        596.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/speed"
                }
            },
            {
                "box": {
                    "id": "obj-277",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1243.8,
                        596.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-278",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1331.8,
                        596.0,
                        160,
                        22.0
                    ],
                    "text": "speed",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        812.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-279",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1499.8,
                        596.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0.7,
                    "maximum": 1.4,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        812.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-280",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1567.8,
                        596.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0.7,
                    "size": 0.7,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        812.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-281",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        626.0,
                        192.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/transpose"
                }
            },
            {
                "box": {
                    "id": "obj-282",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1270.2,
                        626.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-283",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1358.2,
                        626.0,
                        160,
                        22.0
                    ],
                    "text": "transpose (semitones)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        840.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-284",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1526.2,
                        626.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": -12,
                    "maximum": 12,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        840.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-285",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1594.2,
                        626.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 0,
                    "min": -12,
                    "size": 25,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        840.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-286",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        656.0,
                        192.2,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/match_key"
                }
            },
            {
                "box": {
                    "id": "obj-287",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1270.2,
                        656.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-288",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1358.2,
                        656.0,
                        160,
                        22.0
                    ],
                    "text": "match_key",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        868.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-289",
                    "maxclass": "umenu",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        1526.2,
                        656.0,
                        100,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "items": [
                        "off",
                        ",",
                        "auto"
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        868.0,
                        110.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-290",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        686.0,
                        212.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/follow_level"
                }
            },
            {
                "box": {
                    "id": "obj-291",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1290.0,
                        686.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-292",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1378.0,
                        686.0,
                        160,
                        22.0
                    ],
                    "text": "follow_level",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        896.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-293",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1546.0,
                        686.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": 0,
                    "maximum": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        896.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-294",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1614.0,
                        686.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": 0,
                    "size": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        896.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-295",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        716.0,
                        179.0,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend /antiphon/gain_db"
                }
            },
            {
                "box": {
                    "id": "obj-296",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1257.0,
                        716.0,
                        80.0,
                        22.0
                    ],
                    "outlettype": [],
                    "text": "s antiphon"
                }
            },
            {
                "box": {
                    "id": "obj-297",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1345.0,
                        716.0,
                        160,
                        22.0
                    ],
                    "text": "gain_db (dB)",
                    "presentation": 1,
                    "presentation_rect": [
                        706.0,
                        924.0,
                        160.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-298",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        1513.0,
                        716.0,
                        60,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "minimum": -60,
                    "maximum": 24,
                    "presentation": 1,
                    "presentation_rect": [
                        616.0,
                        924.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-299",
                    "maxclass": "slider",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1581.0,
                        716.0,
                        120,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "orientation": 1,
                    "floatoutput": 1,
                    "min": -40.0,
                    "size": 52.0,
                    "presentation": 1,
                    "presentation_rect": [
                        444.0,
                        924.0,
                        164.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-300",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        1070.0,
                        746.0,
                        452.2,
                        22.0
                    ],
                    "text": "WHAT HAS CHANGED, by whatever hand, moves the widgets and sends nothing"
                }
            },
            {
                "box": {
                    "id": "obj-301",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        776.0,
                        99.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "r antiphon.in"
                }
            },
            {
                "box": {
                    "id": "obj-302",
                    "maxclass": "newobj",
                    "numinlets": 2,
                    "numoutlets": 2,
                    "patching_rect": [
                        1177.8,
                        776.0,
                        165.79999999999998,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "text": "route /antiphon/changed"
                }
            },
            {
                "box": {
                    "id": "obj-303",
                    "maxclass": "newobj",
                    "numinlets": 35,
                    "numoutlets": 35,
                    "patching_rect": [
                        1070.0,
                        806.0,
                        600,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        ""
                    ],
                    "text": "route mute hold listen memory record tempo gate_db beat_source tempo_range model temperature top_p top_k repetition_penalty constraint lookahead horizon behaviour rests density guidance choice cut_cost max_continuity taboo region words obey stretch speed transpose match_key follow_level gain_db"
                }
            },
            {
                "box": {
                    "id": "obj-304",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        836.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-305",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        866.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-306",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        896.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-307",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        926.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-308",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        956.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-309",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        986.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-310",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1016.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-311",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1016.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-312",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1046.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-313",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1106.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-314",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1136.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-315",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1136.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-316",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1166.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-317",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1166.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-318",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1196.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-319",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1196.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-320",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1226.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-321",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1226.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-322",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1256.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-323",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1286.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-324",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1286.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-325",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1316.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-326",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1316.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-327",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1346.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-328",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1376.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-329",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1406.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-330",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1406.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-331",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1436.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-332",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1436.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-333",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1466.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-334",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1496.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-335",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1496.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-336",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1526.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-337",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1526.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-338",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1556.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-339",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1556.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-340",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1616.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-341",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1616.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-342",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1646.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-343",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1646.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-344",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1676.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-345",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1706.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-346",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1706.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-347",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1070.0,
                        1736.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-348",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        1164.6,
                        1736.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-349",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2120.0,
                        20.0,
                        126.19999999999999,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend setsymbol"
                }
            },
            {
                "box": {
                    "id": "obj-350",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2120.0,
                        50.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-351",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2214.6,
                        50.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-352",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2120.0,
                        80.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-353",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2214.6,
                        80.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-354",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        110.0,
                        136.0,
                        22.0
                    ],
                    "text": "WHAT THE AGENT TELLS"
                }
            },
            {
                "box": {
                    "id": "obj-355",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2120.0,
                        140.0,
                        99.8,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "r antiphon.in"
                }
            },
            {
                "box": {
                    "id": "obj-356",
                    "maxclass": "newobj",
                    "numinlets": 19,
                    "numoutlets": 19,
                    "patching_rect": [
                        2227.8,
                        140.0,
                        600,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        ""
                    ],
                    "text": "route /antiphon/heard /antiphon/event /antiphon/status /antiphon/latency /antiphon/plan /antiphon/pulse /antiphon/meter /antiphon/xruns /antiphon/missed /antiphon/coherence /antiphon/fit /antiphon/changed /antiphon/memory /antiphon/section /antiphon/device /antiphon/midi /antiphon/fill /antiphon/error"
                }
            },
            {
                "box": {
                    "id": "obj-357",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        170.0,
                        300,
                        22.0
                    ],
                    "text": "heard: a hop of the input, with its label",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        60.0,
                        480.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-358",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 3,
                    "patching_rect": [
                        2428.0,
                        170.0,
                        99.8,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        ""
                    ],
                    "text": "unpack 0 0 0."
                }
            },
            {
                "box": {
                    "id": "obj-359",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        200.0,
                        90,
                        22.0
                    ],
                    "text": "hop",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        82.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-360",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        200.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        102.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-361",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        200.0,
                        90,
                        22.0
                    ],
                    "text": "label",
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        82.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-362",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2394.0,
                        200.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        102.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-363",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2472.0,
                        200.0,
                        90,
                        22.0
                    ],
                    "text": "level",
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        82.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-364",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2570.0,
                        200.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        102.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-365",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        230.0,
                        300,
                        22.0
                    ],
                    "text": "event: the segment played at a hop, and why; again, with what was played instead, if it was late",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        130.0,
                        480.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-366",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 11,
                    "patching_rect": [
                        2428.0,
                        230.0,
                        225.2,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        ""
                    ],
                    "text": "unpack 0 s 0 0 0 0 0. 0. 0. s 0."
                }
            },
            {
                "box": {
                    "id": "obj-367",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        260.0,
                        90,
                        22.0
                    ],
                    "text": "hop",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-368",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        260.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        172.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-369",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        260.0,
                        90,
                        22.0
                    ],
                    "text": "why",
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-370",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2394.0,
                        260.0,
                        80,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        172.0,
                        76.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-371",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2482.0,
                        260.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-372",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2576.6,
                        260.0,
                        90,
                        22.0
                    ],
                    "text": "segment",
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-373",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2674.6,
                        260.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        172.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-374",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2752.6,
                        260.0,
                        90,
                        22.0
                    ],
                    "text": "label",
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-375",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2850.6,
                        260.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        172.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-376",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        290.0,
                        90,
                        22.0
                    ],
                    "text": "match",
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-377",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        290.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        172.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-378",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        290.0,
                        90,
                        22.0
                    ],
                    "text": "run",
                    "presentation": 1,
                    "presentation_rect": [
                        1290.0,
                        152.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-379",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2394.0,
                        290.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1290.0,
                        172.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-380",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2472.0,
                        290.0,
                        90,
                        22.0
                    ],
                    "text": "position",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        196.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-381",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2570.0,
                        290.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        216.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-382",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2648.0,
                        290.0,
                        90,
                        22.0
                    ],
                    "text": "duration",
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        196.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-383",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2746.0,
                        290.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        216.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-384",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        320.0,
                        90,
                        22.0
                    ],
                    "text": "gain",
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        196.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-385",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        320.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        216.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-386",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        320.0,
                        90,
                        22.0
                    ],
                    "text": "memory",
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        196.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-387",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2394.0,
                        320.0,
                        80,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        216.0,
                        76.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-388",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2482.0,
                        320.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-389",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2576.6,
                        320.0,
                        90,
                        22.0
                    ],
                    "text": "lead",
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        196.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-390",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2674.6,
                        320.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        216.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-391",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        350.0,
                        300,
                        22.0
                    ],
                    "text": "status: heartbeat, once a second",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        244.0,
                        480.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-392",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 7,
                    "patching_rect": [
                        2428.0,
                        350.0,
                        159.2,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        "",
                        "",
                        "",
                        ""
                    ],
                    "text": "unpack s 0 0. 0. 0 0 s"
                }
            },
            {
                "box": {
                    "id": "obj-393",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        380.0,
                        90,
                        22.0
                    ],
                    "text": "state",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-394",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        380.0,
                        80,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        286.0,
                        76.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-395",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2306.0,
                        380.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-396",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2400.6,
                        380.0,
                        90,
                        22.0
                    ],
                    "text": "hop",
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-397",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2498.6,
                        380.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        286.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-398",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2576.6,
                        380.0,
                        90,
                        22.0
                    ],
                    "text": "mind_p50",
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-399",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2674.6,
                        380.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        286.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-400",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2752.6,
                        380.0,
                        90,
                        22.0
                    ],
                    "text": "mind_p99",
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-401",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2850.6,
                        380.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        286.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-402",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        410.0,
                        90,
                        22.0
                    ],
                    "text": "missed",
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-403",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        410.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        286.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-404",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        410.0,
                        90,
                        22.0
                    ],
                    "text": "xruns",
                    "presentation": 1,
                    "presentation_rect": [
                        1290.0,
                        266.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-405",
                    "maxclass": "number",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2394.0,
                        410.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1290.0,
                        286.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-406",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2472.0,
                        410.0,
                        90,
                        22.0
                    ],
                    "text": "memory",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        310.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-407",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2570.0,
                        410.0,
                        80,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        330.0,
                        76.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-408",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2658.0,
                        410.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-409",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        440.0,
                        300,
                        22.0
                    ],
                    "text": "latency: time from a sound to its answer, part by part",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        358.0,
                        480.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-410",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 5,
                    "patching_rect": [
                        2428.0,
                        440.0,
                        152.6,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        "",
                        "",
                        "",
                        ""
                    ],
                    "text": "unpack 0. 0. 0. 0. 0."
                }
            },
            {
                "box": {
                    "id": "obj-411",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        470.0,
                        90,
                        22.0
                    ],
                    "text": "hop",
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        380.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-412",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        470.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        400.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-413",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2296.0,
                        470.0,
                        90,
                        22.0
                    ],
                    "text": "slack",
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        380.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-414",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2394.0,
                        470.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        400.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-415",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2472.0,
                        470.0,
                        90,
                        22.0
                    ],
                    "text": "in",
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        380.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-416",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2570.0,
                        470.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1050.0,
                        400.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-417",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2648.0,
                        470.0,
                        90,
                        22.0
                    ],
                    "text": "out",
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        380.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-418",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2746.0,
                        470.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1130.0,
                        400.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-419",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        500.0,
                        90,
                        22.0
                    ],
                    "text": "total",
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        380.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-420",
                    "maxclass": "flonum",
                    "numinlets": 1,
                    "numoutlets": 2,
                    "patching_rect": [
                        2218.0,
                        500.0,
                        70,
                        22.0
                    ],
                    "outlettype": [
                        "",
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        1210.0,
                        400.0,
                        70.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-421",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        530.0,
                        90,
                        22.0
                    ],
                    "text": "plan",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        428.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-422",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        530.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        428.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-423",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        530.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-424",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        560.0,
                        90,
                        22.0
                    ],
                    "text": "pulse",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        456.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-425",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        560.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        456.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-426",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        560.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-427",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        590.0,
                        90,
                        22.0
                    ],
                    "text": "meter",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        484.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-428",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        590.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        484.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-429",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        590.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-430",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        620.0,
                        90,
                        22.0
                    ],
                    "text": "xruns",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        512.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-431",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        620.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        512.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-432",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        620.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-433",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        650.0,
                        90,
                        22.0
                    ],
                    "text": "missed",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        540.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-434",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        650.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        540.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-435",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        650.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-436",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        680.0,
                        90,
                        22.0
                    ],
                    "text": "coherence",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        568.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-437",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        680.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        568.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-438",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        680.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-439",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        710.0,
                        90,
                        22.0
                    ],
                    "text": "fit",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        596.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-440",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        710.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        596.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-441",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        710.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-442",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        740.0,
                        90,
                        22.0
                    ],
                    "text": "changed",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        624.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-443",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        740.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        624.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-444",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        740.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-445",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        770.0,
                        90,
                        22.0
                    ],
                    "text": "memory",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        652.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-446",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        770.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        652.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-447",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        770.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-448",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        800.0,
                        90,
                        22.0
                    ],
                    "text": "section",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        680.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-449",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        800.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        680.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-450",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        800.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-451",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        830.0,
                        90,
                        22.0
                    ],
                    "text": "device",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        708.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-452",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        830.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        708.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-453",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        830.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-454",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        860.0,
                        90,
                        22.0
                    ],
                    "text": "midi",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        736.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-455",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        860.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        736.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-456",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        860.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-457",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        890.0,
                        90,
                        22.0
                    ],
                    "text": "fill",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        764.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-458",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        890.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        764.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-459",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        890.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            },
            {
                "box": {
                    "id": "obj-460",
                    "maxclass": "comment",
                    "numinlets": 1,
                    "numoutlets": 0,
                    "patching_rect": [
                        2120.0,
                        920.0,
                        90,
                        22.0
                    ],
                    "text": "error",
                    "fontface": 1,
                    "presentation": 1,
                    "presentation_rect": [
                        890.0,
                        792.0,
                        78.0,
                        20.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-461",
                    "maxclass": "message",
                    "numinlets": 2,
                    "numoutlets": 1,
                    "patching_rect": [
                        2218.0,
                        920.0,
                        200,
                        22.0
                    ],
                    "text": "",
                    "outlettype": [
                        ""
                    ],
                    "presentation": 1,
                    "presentation_rect": [
                        970.0,
                        792.0,
                        396.0,
                        22.0
                    ]
                }
            },
            {
                "box": {
                    "id": "obj-462",
                    "maxclass": "newobj",
                    "numinlets": 1,
                    "numoutlets": 1,
                    "patching_rect": [
                        2426.0,
                        920.0,
                        86.6,
                        22.0
                    ],
                    "outlettype": [
                        ""
                    ],
                    "text": "prepend set"
                }
            }
        ],
        "lines": [
            {
                "patchline": {
                    "source": [
                        "obj-21",
                        0
                    ],
                    "destination": [
                        "obj-20",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-22",
                        0
                    ],
                    "destination": [
                        "obj-23",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-24",
                        0
                    ],
                    "destination": [
                        "obj-25",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-25",
                        0
                    ],
                    "destination": [
                        "obj-26",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-26",
                        0
                    ],
                    "destination": [
                        "obj-20",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-27",
                        0
                    ],
                    "destination": [
                        "obj-29",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-29",
                        0
                    ],
                    "destination": [
                        "obj-28",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-28",
                        0
                    ],
                    "destination": [
                        "obj-30",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-30",
                        0
                    ],
                    "destination": [
                        "obj-31",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-31",
                        0
                    ],
                    "destination": [
                        "obj-33",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-33",
                        0
                    ],
                    "destination": [
                        "obj-34",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-28",
                        1
                    ],
                    "destination": [
                        "obj-32",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-32",
                        0
                    ],
                    "destination": [
                        "obj-33",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-33",
                        0
                    ],
                    "destination": [
                        "obj-36",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-36",
                        0
                    ],
                    "destination": [
                        "obj-37",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-37",
                        0
                    ],
                    "destination": [
                        "obj-35",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-35",
                        0
                    ],
                    "destination": [
                        "obj-20",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-39",
                        0
                    ],
                    "destination": [
                        "obj-40",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-40",
                        0
                    ],
                    "destination": [
                        "obj-41",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-42",
                        0
                    ],
                    "destination": [
                        "obj-43",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-43",
                        0
                    ],
                    "destination": [
                        "obj-44",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-45",
                        0
                    ],
                    "destination": [
                        "obj-46",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-48",
                        0
                    ],
                    "destination": [
                        "obj-45",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-49",
                        0
                    ],
                    "destination": [
                        "obj-50",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-52",
                        0
                    ],
                    "destination": [
                        "obj-49",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-53",
                        0
                    ],
                    "destination": [
                        "obj-54",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-56",
                        0
                    ],
                    "destination": [
                        "obj-53",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-57",
                        0
                    ],
                    "destination": [
                        "obj-58",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-58",
                        0
                    ],
                    "destination": [
                        "obj-59",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-60",
                        0
                    ],
                    "destination": [
                        "obj-61",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-61",
                        0
                    ],
                    "destination": [
                        "obj-62",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-63",
                        0
                    ],
                    "destination": [
                        "obj-64",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-64",
                        0
                    ],
                    "destination": [
                        "obj-65",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-66",
                        0
                    ],
                    "destination": [
                        "obj-67",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-67",
                        0
                    ],
                    "destination": [
                        "obj-68",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-69",
                        0
                    ],
                    "destination": [
                        "obj-70",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-70",
                        0
                    ],
                    "destination": [
                        "obj-71",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-72",
                        0
                    ],
                    "destination": [
                        "obj-73",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-73",
                        0
                    ],
                    "destination": [
                        "obj-74",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-75",
                        0
                    ],
                    "destination": [
                        "obj-76",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-78",
                        0
                    ],
                    "destination": [
                        "obj-75",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-79",
                        0
                    ],
                    "destination": [
                        "obj-80",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-82",
                        1
                    ],
                    "destination": [
                        "obj-79",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-83",
                        0
                    ],
                    "destination": [
                        "obj-84",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-84",
                        0
                    ],
                    "destination": [
                        "obj-85",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-86",
                        0
                    ],
                    "destination": [
                        "obj-87",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-89",
                        0
                    ],
                    "destination": [
                        "obj-90",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-90",
                        0
                    ],
                    "destination": [
                        "obj-91",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-91",
                        0
                    ],
                    "destination": [
                        "obj-86",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-92",
                        0
                    ],
                    "destination": [
                        "obj-93",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-95",
                        0
                    ],
                    "destination": [
                        "obj-96",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-96",
                        0
                    ],
                    "destination": [
                        "obj-97",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-97",
                        0
                    ],
                    "destination": [
                        "obj-92",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-98",
                        0
                    ],
                    "destination": [
                        "obj-99",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-101",
                        0
                    ],
                    "destination": [
                        "obj-102",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-102",
                        0
                    ],
                    "destination": [
                        "obj-103",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-103",
                        0
                    ],
                    "destination": [
                        "obj-98",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-104",
                        0
                    ],
                    "destination": [
                        "obj-105",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-106",
                        0
                    ],
                    "destination": [
                        "obj-107",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-108",
                        0
                    ],
                    "destination": [
                        "obj-109",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-109",
                        0
                    ],
                    "destination": [
                        "obj-110",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-111",
                        0
                    ],
                    "destination": [
                        "obj-112",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-112",
                        0
                    ],
                    "destination": [
                        "obj-113",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-114",
                        0
                    ],
                    "destination": [
                        "obj-115",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-117",
                        0
                    ],
                    "destination": [
                        "obj-114",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-118",
                        0
                    ],
                    "destination": [
                        "obj-119",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-119",
                        0
                    ],
                    "destination": [
                        "obj-120",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-121",
                        0
                    ],
                    "destination": [
                        "obj-122",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-122",
                        0
                    ],
                    "destination": [
                        "obj-123",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-124",
                        0
                    ],
                    "destination": [
                        "obj-125",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-125",
                        0
                    ],
                    "destination": [
                        "obj-126",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-127",
                        0
                    ],
                    "destination": [
                        "obj-128",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-128",
                        0
                    ],
                    "destination": [
                        "obj-129",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-130",
                        0
                    ],
                    "destination": [
                        "obj-131",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-133",
                        0
                    ],
                    "destination": [
                        "obj-134",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-134",
                        0
                    ],
                    "destination": [
                        "obj-135",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-135",
                        0
                    ],
                    "destination": [
                        "obj-130",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-136",
                        0
                    ],
                    "destination": [
                        "obj-137",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-139",
                        0
                    ],
                    "destination": [
                        "obj-140",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-140",
                        0
                    ],
                    "destination": [
                        "obj-141",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-141",
                        0
                    ],
                    "destination": [
                        "obj-136",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-142",
                        0
                    ],
                    "destination": [
                        "obj-143",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-145",
                        0
                    ],
                    "destination": [
                        "obj-142",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-146",
                        0
                    ],
                    "destination": [
                        "obj-145",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-147",
                        0
                    ],
                    "destination": [
                        "obj-148",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-150",
                        1
                    ],
                    "destination": [
                        "obj-147",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-151",
                        0
                    ],
                    "destination": [
                        "obj-152",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-154",
                        0
                    ],
                    "destination": [
                        "obj-156",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-156",
                        0
                    ],
                    "destination": [
                        "obj-151",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-155",
                        0
                    ],
                    "destination": [
                        "obj-156",
                        1
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-157",
                        0
                    ],
                    "destination": [
                        "obj-158",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-158",
                        0
                    ],
                    "destination": [
                        "obj-154",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-157",
                        1
                    ],
                    "destination": [
                        "obj-159",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-159",
                        0
                    ],
                    "destination": [
                        "obj-155",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-160",
                        0
                    ],
                    "destination": [
                        "obj-161",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-163",
                        1
                    ],
                    "destination": [
                        "obj-160",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-164",
                        0
                    ],
                    "destination": [
                        "obj-165",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-167",
                        0
                    ],
                    "destination": [
                        "obj-164",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-168",
                        0
                    ],
                    "destination": [
                        "obj-167",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-169",
                        0
                    ],
                    "destination": [
                        "obj-170",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-172",
                        0
                    ],
                    "destination": [
                        "obj-169",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-173",
                        0
                    ],
                    "destination": [
                        "obj-172",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-174",
                        0
                    ],
                    "destination": [
                        "obj-175",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-177",
                        0
                    ],
                    "destination": [
                        "obj-174",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-178",
                        0
                    ],
                    "destination": [
                        "obj-177",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-179",
                        0
                    ],
                    "destination": [
                        "obj-180",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-182",
                        0
                    ],
                    "destination": [
                        "obj-179",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-183",
                        0
                    ],
                    "destination": [
                        "obj-182",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-184",
                        0
                    ],
                    "destination": [
                        "obj-185",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-187",
                        1
                    ],
                    "destination": [
                        "obj-184",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-188",
                        0
                    ],
                    "destination": [
                        "obj-189",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-191",
                        0
                    ],
                    "destination": [
                        "obj-188",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-192",
                        0
                    ],
                    "destination": [
                        "obj-191",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-193",
                        0
                    ],
                    "destination": [
                        "obj-194",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-196",
                        0
                    ],
                    "destination": [
                        "obj-193",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-197",
                        0
                    ],
                    "destination": [
                        "obj-196",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-198",
                        0
                    ],
                    "destination": [
                        "obj-199",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-201",
                        1
                    ],
                    "destination": [
                        "obj-198",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-202",
                        0
                    ],
                    "destination": [
                        "obj-203",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-205",
                        1
                    ],
                    "destination": [
                        "obj-202",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-206",
                        0
                    ],
                    "destination": [
                        "obj-207",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-209",
                        0
                    ],
                    "destination": [
                        "obj-206",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-210",
                        0
                    ],
                    "destination": [
                        "obj-209",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-211",
                        0
                    ],
                    "destination": [
                        "obj-212",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-214",
                        0
                    ],
                    "destination": [
                        "obj-211",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-215",
                        0
                    ],
                    "destination": [
                        "obj-214",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-216",
                        0
                    ],
                    "destination": [
                        "obj-217",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-219",
                        1
                    ],
                    "destination": [
                        "obj-216",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-220",
                        0
                    ],
                    "destination": [
                        "obj-221",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-223",
                        0
                    ],
                    "destination": [
                        "obj-220",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-224",
                        0
                    ],
                    "destination": [
                        "obj-223",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-225",
                        0
                    ],
                    "destination": [
                        "obj-226",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-228",
                        0
                    ],
                    "destination": [
                        "obj-225",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-229",
                        0
                    ],
                    "destination": [
                        "obj-228",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-230",
                        0
                    ],
                    "destination": [
                        "obj-231",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-233",
                        0
                    ],
                    "destination": [
                        "obj-230",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-234",
                        0
                    ],
                    "destination": [
                        "obj-233",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-235",
                        0
                    ],
                    "destination": [
                        "obj-236",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-238",
                        0
                    ],
                    "destination": [
                        "obj-240",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-240",
                        0
                    ],
                    "destination": [
                        "obj-235",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-239",
                        0
                    ],
                    "destination": [
                        "obj-240",
                        1
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-241",
                        0
                    ],
                    "destination": [
                        "obj-242",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-242",
                        0
                    ],
                    "destination": [
                        "obj-238",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-241",
                        1
                    ],
                    "destination": [
                        "obj-243",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-243",
                        0
                    ],
                    "destination": [
                        "obj-239",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-244",
                        0
                    ],
                    "destination": [
                        "obj-245",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-247",
                        0
                    ],
                    "destination": [
                        "obj-248",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-248",
                        0
                    ],
                    "destination": [
                        "obj-249",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-249",
                        0
                    ],
                    "destination": [
                        "obj-244",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-250",
                        0
                    ],
                    "destination": [
                        "obj-251",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-253",
                        0
                    ],
                    "destination": [
                        "obj-254",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-254",
                        0
                    ],
                    "destination": [
                        "obj-255",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-255",
                        0
                    ],
                    "destination": [
                        "obj-250",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-256",
                        0
                    ],
                    "destination": [
                        "obj-257",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-259",
                        0
                    ],
                    "destination": [
                        "obj-256",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-260",
                        0
                    ],
                    "destination": [
                        "obj-259",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-261",
                        0
                    ],
                    "destination": [
                        "obj-262",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-264",
                        0
                    ],
                    "destination": [
                        "obj-265",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-265",
                        0
                    ],
                    "destination": [
                        "obj-266",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-266",
                        0
                    ],
                    "destination": [
                        "obj-261",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-267",
                        0
                    ],
                    "destination": [
                        "obj-268",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-270",
                        0
                    ],
                    "destination": [
                        "obj-267",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-271",
                        0
                    ],
                    "destination": [
                        "obj-270",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-272",
                        0
                    ],
                    "destination": [
                        "obj-273",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-275",
                        1
                    ],
                    "destination": [
                        "obj-272",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-276",
                        0
                    ],
                    "destination": [
                        "obj-277",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-279",
                        0
                    ],
                    "destination": [
                        "obj-276",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-280",
                        0
                    ],
                    "destination": [
                        "obj-279",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-281",
                        0
                    ],
                    "destination": [
                        "obj-282",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-284",
                        0
                    ],
                    "destination": [
                        "obj-281",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-285",
                        0
                    ],
                    "destination": [
                        "obj-284",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-286",
                        0
                    ],
                    "destination": [
                        "obj-287",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-289",
                        1
                    ],
                    "destination": [
                        "obj-286",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-290",
                        0
                    ],
                    "destination": [
                        "obj-291",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-293",
                        0
                    ],
                    "destination": [
                        "obj-290",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-294",
                        0
                    ],
                    "destination": [
                        "obj-293",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-295",
                        0
                    ],
                    "destination": [
                        "obj-296",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-298",
                        0
                    ],
                    "destination": [
                        "obj-295",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-299",
                        0
                    ],
                    "destination": [
                        "obj-298",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-301",
                        0
                    ],
                    "destination": [
                        "obj-302",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-302",
                        0
                    ],
                    "destination": [
                        "obj-303",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        0
                    ],
                    "destination": [
                        "obj-304",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-304",
                        0
                    ],
                    "destination": [
                        "obj-48",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        1
                    ],
                    "destination": [
                        "obj-305",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-305",
                        0
                    ],
                    "destination": [
                        "obj-52",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        2
                    ],
                    "destination": [
                        "obj-306",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-306",
                        0
                    ],
                    "destination": [
                        "obj-56",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        3
                    ],
                    "destination": [
                        "obj-307",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-307",
                        0
                    ],
                    "destination": [
                        "obj-78",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        4
                    ],
                    "destination": [
                        "obj-308",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-308",
                        0
                    ],
                    "destination": [
                        "obj-82",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        5
                    ],
                    "destination": [
                        "obj-309",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-309",
                        0
                    ],
                    "destination": [
                        "obj-117",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        6
                    ],
                    "destination": [
                        "obj-310",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-310",
                        0
                    ],
                    "destination": [
                        "obj-145",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        6
                    ],
                    "destination": [
                        "obj-311",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-311",
                        0
                    ],
                    "destination": [
                        "obj-146",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        7
                    ],
                    "destination": [
                        "obj-312",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-312",
                        0
                    ],
                    "destination": [
                        "obj-150",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        8
                    ],
                    "destination": [
                        "obj-157",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        9
                    ],
                    "destination": [
                        "obj-313",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-313",
                        0
                    ],
                    "destination": [
                        "obj-163",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        10
                    ],
                    "destination": [
                        "obj-314",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-314",
                        0
                    ],
                    "destination": [
                        "obj-167",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        10
                    ],
                    "destination": [
                        "obj-315",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-315",
                        0
                    ],
                    "destination": [
                        "obj-168",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        11
                    ],
                    "destination": [
                        "obj-316",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-316",
                        0
                    ],
                    "destination": [
                        "obj-172",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        11
                    ],
                    "destination": [
                        "obj-317",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-317",
                        0
                    ],
                    "destination": [
                        "obj-173",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        12
                    ],
                    "destination": [
                        "obj-318",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-318",
                        0
                    ],
                    "destination": [
                        "obj-177",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        12
                    ],
                    "destination": [
                        "obj-319",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-319",
                        0
                    ],
                    "destination": [
                        "obj-178",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        13
                    ],
                    "destination": [
                        "obj-320",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-320",
                        0
                    ],
                    "destination": [
                        "obj-182",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        13
                    ],
                    "destination": [
                        "obj-321",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-321",
                        0
                    ],
                    "destination": [
                        "obj-183",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        14
                    ],
                    "destination": [
                        "obj-322",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-322",
                        0
                    ],
                    "destination": [
                        "obj-187",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        15
                    ],
                    "destination": [
                        "obj-323",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-323",
                        0
                    ],
                    "destination": [
                        "obj-191",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        15
                    ],
                    "destination": [
                        "obj-324",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-324",
                        0
                    ],
                    "destination": [
                        "obj-192",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        16
                    ],
                    "destination": [
                        "obj-325",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-325",
                        0
                    ],
                    "destination": [
                        "obj-196",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        16
                    ],
                    "destination": [
                        "obj-326",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-326",
                        0
                    ],
                    "destination": [
                        "obj-197",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        17
                    ],
                    "destination": [
                        "obj-327",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-327",
                        0
                    ],
                    "destination": [
                        "obj-201",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        18
                    ],
                    "destination": [
                        "obj-328",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-328",
                        0
                    ],
                    "destination": [
                        "obj-205",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        19
                    ],
                    "destination": [
                        "obj-329",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-329",
                        0
                    ],
                    "destination": [
                        "obj-209",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        19
                    ],
                    "destination": [
                        "obj-330",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-330",
                        0
                    ],
                    "destination": [
                        "obj-210",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        20
                    ],
                    "destination": [
                        "obj-331",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-331",
                        0
                    ],
                    "destination": [
                        "obj-214",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        20
                    ],
                    "destination": [
                        "obj-332",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-332",
                        0
                    ],
                    "destination": [
                        "obj-215",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        21
                    ],
                    "destination": [
                        "obj-333",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-333",
                        0
                    ],
                    "destination": [
                        "obj-219",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        22
                    ],
                    "destination": [
                        "obj-334",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-334",
                        0
                    ],
                    "destination": [
                        "obj-223",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        22
                    ],
                    "destination": [
                        "obj-335",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-335",
                        0
                    ],
                    "destination": [
                        "obj-224",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        23
                    ],
                    "destination": [
                        "obj-336",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-336",
                        0
                    ],
                    "destination": [
                        "obj-228",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        23
                    ],
                    "destination": [
                        "obj-337",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-337",
                        0
                    ],
                    "destination": [
                        "obj-229",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        24
                    ],
                    "destination": [
                        "obj-338",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-338",
                        0
                    ],
                    "destination": [
                        "obj-233",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        24
                    ],
                    "destination": [
                        "obj-339",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-339",
                        0
                    ],
                    "destination": [
                        "obj-234",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        25
                    ],
                    "destination": [
                        "obj-241",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        26
                    ],
                    "destination": [
                        "obj-340",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-340",
                        0
                    ],
                    "destination": [
                        "obj-259",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        26
                    ],
                    "destination": [
                        "obj-341",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-341",
                        0
                    ],
                    "destination": [
                        "obj-260",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        27
                    ],
                    "destination": [
                        "obj-342",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-342",
                        0
                    ],
                    "destination": [
                        "obj-270",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        27
                    ],
                    "destination": [
                        "obj-343",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-343",
                        0
                    ],
                    "destination": [
                        "obj-271",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        28
                    ],
                    "destination": [
                        "obj-344",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-344",
                        0
                    ],
                    "destination": [
                        "obj-275",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        29
                    ],
                    "destination": [
                        "obj-345",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-345",
                        0
                    ],
                    "destination": [
                        "obj-279",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        29
                    ],
                    "destination": [
                        "obj-346",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-346",
                        0
                    ],
                    "destination": [
                        "obj-280",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        30
                    ],
                    "destination": [
                        "obj-347",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-347",
                        0
                    ],
                    "destination": [
                        "obj-284",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        30
                    ],
                    "destination": [
                        "obj-348",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-348",
                        0
                    ],
                    "destination": [
                        "obj-285",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        31
                    ],
                    "destination": [
                        "obj-349",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-349",
                        0
                    ],
                    "destination": [
                        "obj-289",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        32
                    ],
                    "destination": [
                        "obj-350",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-350",
                        0
                    ],
                    "destination": [
                        "obj-293",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        32
                    ],
                    "destination": [
                        "obj-351",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-351",
                        0
                    ],
                    "destination": [
                        "obj-294",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        33
                    ],
                    "destination": [
                        "obj-352",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-352",
                        0
                    ],
                    "destination": [
                        "obj-298",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-303",
                        33
                    ],
                    "destination": [
                        "obj-353",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-353",
                        0
                    ],
                    "destination": [
                        "obj-299",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-355",
                        0
                    ],
                    "destination": [
                        "obj-356",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        0
                    ],
                    "destination": [
                        "obj-358",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-358",
                        0
                    ],
                    "destination": [
                        "obj-360",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-358",
                        1
                    ],
                    "destination": [
                        "obj-362",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-358",
                        2
                    ],
                    "destination": [
                        "obj-364",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        1
                    ],
                    "destination": [
                        "obj-366",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        0
                    ],
                    "destination": [
                        "obj-368",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        1
                    ],
                    "destination": [
                        "obj-371",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-371",
                        0
                    ],
                    "destination": [
                        "obj-370",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        2
                    ],
                    "destination": [
                        "obj-373",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        3
                    ],
                    "destination": [
                        "obj-375",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        4
                    ],
                    "destination": [
                        "obj-377",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        5
                    ],
                    "destination": [
                        "obj-379",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        6
                    ],
                    "destination": [
                        "obj-381",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        7
                    ],
                    "destination": [
                        "obj-383",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        8
                    ],
                    "destination": [
                        "obj-385",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        9
                    ],
                    "destination": [
                        "obj-388",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-388",
                        0
                    ],
                    "destination": [
                        "obj-387",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-366",
                        10
                    ],
                    "destination": [
                        "obj-390",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        2
                    ],
                    "destination": [
                        "obj-392",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        0
                    ],
                    "destination": [
                        "obj-395",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-395",
                        0
                    ],
                    "destination": [
                        "obj-394",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        1
                    ],
                    "destination": [
                        "obj-397",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        2
                    ],
                    "destination": [
                        "obj-399",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        3
                    ],
                    "destination": [
                        "obj-401",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        4
                    ],
                    "destination": [
                        "obj-403",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        5
                    ],
                    "destination": [
                        "obj-405",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-392",
                        6
                    ],
                    "destination": [
                        "obj-408",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-408",
                        0
                    ],
                    "destination": [
                        "obj-407",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        3
                    ],
                    "destination": [
                        "obj-410",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-410",
                        0
                    ],
                    "destination": [
                        "obj-412",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-410",
                        1
                    ],
                    "destination": [
                        "obj-414",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-410",
                        2
                    ],
                    "destination": [
                        "obj-416",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-410",
                        3
                    ],
                    "destination": [
                        "obj-418",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-410",
                        4
                    ],
                    "destination": [
                        "obj-420",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        4
                    ],
                    "destination": [
                        "obj-423",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-423",
                        0
                    ],
                    "destination": [
                        "obj-422",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        5
                    ],
                    "destination": [
                        "obj-426",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-426",
                        0
                    ],
                    "destination": [
                        "obj-425",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        6
                    ],
                    "destination": [
                        "obj-429",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-429",
                        0
                    ],
                    "destination": [
                        "obj-428",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        7
                    ],
                    "destination": [
                        "obj-432",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-432",
                        0
                    ],
                    "destination": [
                        "obj-431",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        8
                    ],
                    "destination": [
                        "obj-435",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-435",
                        0
                    ],
                    "destination": [
                        "obj-434",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        9
                    ],
                    "destination": [
                        "obj-438",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-438",
                        0
                    ],
                    "destination": [
                        "obj-437",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        10
                    ],
                    "destination": [
                        "obj-441",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-441",
                        0
                    ],
                    "destination": [
                        "obj-440",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        11
                    ],
                    "destination": [
                        "obj-444",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-444",
                        0
                    ],
                    "destination": [
                        "obj-443",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        12
                    ],
                    "destination": [
                        "obj-447",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-447",
                        0
                    ],
                    "destination": [
                        "obj-446",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        13
                    ],
                    "destination": [
                        "obj-450",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-450",
                        0
                    ],
                    "destination": [
                        "obj-449",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        14
                    ],
                    "destination": [
                        "obj-453",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-453",
                        0
                    ],
                    "destination": [
                        "obj-452",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        15
                    ],
                    "destination": [
                        "obj-456",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-456",
                        0
                    ],
                    "destination": [
                        "obj-455",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        16
                    ],
                    "destination": [
                        "obj-459",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-459",
                        0
                    ],
                    "destination": [
                        "obj-458",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-356",
                        17
                    ],
                    "destination": [
                        "obj-462",
                        0
                    ],
                    "order": 0
                }
            },
            {
                "patchline": {
                    "source": [
                        "obj-462",
                        0
                    ],
                    "destination": [
                        "obj-461",
                        0
                    ],
                    "order": 0
                }
            }
        ],
        "dependency_cache": [],
        "autosave": 0
    }
}